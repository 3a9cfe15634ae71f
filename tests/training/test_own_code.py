"""The code of trials that train themselves is looked for before anything starts."""

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.training.own_code import check_own_code

STUDY = """\
[model]
{model}
[metric]
name = "mae"
[baseline]
depth = 2
[space]
depth = [2, 3]
"""


@pytest.fixture
def check(tmp_path):
    def check(model):
        (tmp_path / "x.toml").write_text(STUDY.format(model=model))
        check_own_code(load_study(tmp_path / "x.toml", overrides=(), quick=False))

    return check


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ('train = "none.py:train"', "model.train: no such file: .*none.py"),
        ('command = "no-such-program {depth}"', 'there is no program "no-such-program"'),
        ('command = "python none.py {depth}"', 'there is no file "none.py"'),
    ],
)
def test_what_is_missing_is_said_with_the_way_out(check, model, said):
    with pytest.raises(StudyError, match=said):
        check(model)


def test_code_that_is_there_is_not_run(check, tmp_path):
    (tmp_path / "my.py").write_text("raise SystemExit")
    check('train = "my.py:train"')
    check('command = "python my.py {depth} {seed} {folder}"')
