"""Which factors a function of data may read, and which it has read."""

import pytest
from study_texts import GOOD

from ablate.errors import StudyError
from ablate.study.data_factors import data_factors, lists_factors


@pytest.mark.parametrize(
    ("code", "listed"),
    [
        ("def load(factors): ...", True),
        ("def load(seed, *, factors=None): ...", True),
        ("def load(factors, /): ...", True),
        ("load = lambda factors: {}", True),
        ("try:\n    import polars\nexcept ImportError:\n    polars = None\nelse:\n    def load(factors): ...", True),
        ("if True:\n    def load(factors): ...", True),
        ("def load(seed): ...", False),
        ("def load(*factors): ...", False),
        ("def load(**factors): ...", False),
        ("def other(factors): ...", False),
        ("class A:\n    def load(factors): ...", False),
        ("def load(factors): ...\ndef load(seed): ...", False),
        ("def load(seed):\n    def load(factors): ...", False),
    ],
)
def test_a_function_lists_factors_if_its_last_definition_in_the_file_does(tmp_path, code, listed):
    (tmp_path / "my.py").write_text(code)
    assert lists_factors("my.py:load", base=tmp_path) is listed


def test_a_file_that_cannot_be_read_may_list_them_and_other_data_never_do(tmp_path):
    (tmp_path / "bad.py").write_text("def load(")
    assert lists_factors("bad.py:load", base=tmp_path)
    assert lists_factors("gone.py:load", base=tmp_path)
    for name in ("digits", "a.csv", "bad.py", "photos/", None, 3, ["my.py:load"]):
        assert not lists_factors(name, base=tmp_path)


def test_a_function_gets_the_factors_that_neither_training_nor_model_knows():
    factors = {"noise": 0.5, "dropout": 0.1, "batch_size": 32, "learning_rate": "find", "depth": 2}
    of_mlp, of_users = data_factors(factors, model="mlp"), data_factors(factors, model="nets.py:build")
    assert dict(of_mlp.levels) == {"noise": 0.5}
    assert dict(of_users.levels) == {"noise": 0.5, "dropout": 0.1, "depth": 2}
    assert of_users.reserved == {"batch_size", "learning_rate"}


def test_only_levels_that_were_read_decide_the_data():
    factors = data_factors({"noise": 0.5, "other": 1}, model="mlp")
    assert factors.given.get("absent", 3) == 3
    assert factors.read() == {}
    assert factors.given["noise"] == 0.5
    assert factors.read() == {"noise": 0.5}


def test_a_model_of_the_package_takes_factors_of_its_data(tmp_path):
    from ablate.study.load import load_study

    text = GOOD.replace('name = "digits"', 'name = "my.py:load"').replace(
        'optimizer = "nadam"', 'optimizer = "nadam"\nnoise = 0.0'
    )
    text = text.replace("[space]", "[space]\nnoise = [0.0, 0.5]")
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "my.py").write_text("def load(factors): ...")
    study = load_study(tmp_path / "a.toml", overrides=[], quick=False)
    assert study.baseline["noise"] == 0.0
    assert study.space.dimensions["noise"].levels() == (0.0, 0.5)
    (tmp_path / "my.py").write_text("def load(seed): ...")
    with pytest.raises(StudyError, match=r'baseline.noise: unknown factor "noise"'):
        load_study(tmp_path / "a.toml", overrides=[], quick=False)
