import pytest
from study_texts import GOOD, OWN_MODEL

from ablate.study.given_functions import GivenFunction
from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef
from ablate.study.user_code import (
    code_digest,
    code_said,
    definition_digests,
    may_compile,
    modules_beside,
    stands_alone,
    study_digest,
    study_stands_alone,
    syntax_digest,
)


@pytest.fixture
def base(tmp_path):
    (tmp_path / "mine.py").write_text("import keras\n")
    return tmp_path


def test_the_digest_of_user_code_follows_what_it_does(base):
    before = code_digest(ModelRef.of("mine.py:build"), base=base)
    (base / "mine.py").write_text("import keras\nx = 1\n")
    assert before != code_digest(ModelRef.of("mine.py:build"), base=base)
    assert code_digest(ModelRef.of("mlp"), base=base) == ""


def test_the_code_is_said_by_its_files_and_by_the_functions_in_memory(tiny_study):
    def said(model="mlp", functions=(), **data):
        changed = {"model": ModelRef.of(model), "functions": {one.name: one for one in functions}}
        changed["data"] = tiny_study.data.model_copy(update=data)
        return code_said(tiny_study.model_copy(update=changed))

    train = GivenFunction("c.py:train", "train (defined in c.py)", "abc")
    held = GivenFunction("arrays.py:given", "arrays in memory", "")
    of_train = "train (defined in c.py), or a function or value that it uses,"
    assert said("mine.py:build") == "mine.py (or a file it imports)"
    assert said("mine.py:build", name="mine.py:load") == "mine.py (or a file it imports)"
    assert said("mine.py:build", name="data.py:load") == "mine.py or data.py (or a file it imports)"
    assert said("c.py:train", [train, held], name=held.name) == of_train
    assert said("c.py:train", [train], name="data.py:load") == f"data.py (or a file it imports), or {of_train}"
    command = tiny_study.model_copy(update={"model": ModelRef.of("$ python train.py")})
    assert code_said(command) == "a file that model.command names (or a file it imports)"
    assert said() == "the user's code"


CODE = b"""
from ablate.training.engine.step import Step

class Net:
    def size(self) -> int:
        return 2 * (3 + 4)
"""


@pytest.mark.parametrize(
    "reworded",
    [
        CODE.replace(b"return", b"# why\n        return"),
        CODE.replace(b"2 * (3 + 4)", b"2*(3+4)  # product"),
        b'"""A module."""\n' + CODE,
        CODE.replace(b"class Net:", b'class Net:\n    """A network."""\n'),
        CODE.replace(b"int:", b'int:\n        """Its size."""'),
        CODE.replace(b"ablate.training.engine.step", b"ablate.step"),
        CODE.replace(b"\n", b"\r\n"),
    ],
)
def test_rewording_and_moving_code_changes_no_digest(reworded):
    assert reworded != CODE
    assert syntax_digest(reworded) == syntax_digest(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace(b"3", b"4"),
        CODE.replace(b"2 * (3 + 4)", b"2 * 3 + 4"),
        CODE.replace(b"size", b"length"),
        CODE.replace(b"import Step", b"import Values as Step"),
        CODE.replace(b"ablate.training.engine.step", b"numpy"),
        CODE + b"'a string that is no docstring'\n",
        b"def (:\n",
    ],
)
def test_other_code_has_another_digest(other):
    assert syntax_digest(other) != syntax_digest(CODE)


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("import math, keras.layers\nfrom numpy.random import default_rng", True),
        ("def build():\n    import torch", False),
        ("from . import blocks", False),
        ("from not_there import dense", False),
        ("from blocks import dense", True),
        ("from blocks import dense\nimport wider", False),
        ("import package.deep", True),
        ("def build(:", False),
    ],
)
def test_a_users_model_stands_alone_if_versions_cover_what_it_imports(base, text, alone):
    (base / "mine.py").write_text(text)
    (base / "blocks.py").write_text("import keras\nimport numpy as np\n")
    (base / "wider.py").write_text("import blocks, torch\n")
    (base / "package").mkdir()
    (base / "package" / "deep.py").write_text("import math\n")
    assert stands_alone(ModelRef.of("mine.py:build"), base=base) == alone


def test_the_digest_follows_the_files_beside_that_are_imported_and_no_others(base):
    def digest() -> str:
        return code_digest(ModelRef.of("mine.py:build"), base=base)

    alone = digest()
    (base / "blocks.py").write_text("from more import x\n")
    (base / "more.py").write_text("x = 1\n")
    assert digest() == alone
    (base / "mine.py").write_text("def build():\n    from blocks import x\n")
    before = digest()
    (base / "more.py").write_text("x = 2\n")
    assert digest() != before
    (base / "more.py").write_text("x = 1\n")
    assert digest() == before
    (base / "unrelated.py").write_text("")
    assert digest() == before


def test_of_a_package_beside_every_file_counts(base):
    (base / "mine.py").write_text("import net.blocks\n")
    (base / "net").mkdir()
    for name in ("__init__", "blocks", "other"):
        (base / "net" / f"{name}.py").write_text("")
    before = code_digest(ModelRef.of("mine.py:build"), base=base)
    (base / "net" / "other.py").write_text("y = 1\n")
    assert code_digest(ModelRef.of("mine.py:build"), base=base) != before


def test_names_of_python_itself_and_installed_packages_before_plain_folders_are_not_beside(tmp_path):
    (tmp_path / "types.py").write_text("")
    for folder in ("numpy", "logs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run.py").write_text("")
    assert modules_beside("types", tmp_path) == []
    assert modules_beside("numpy", tmp_path) == []  # a folder of a tool's files, as wandb/ is
    assert modules_beside("logs", tmp_path) == [tmp_path / "logs" / "run.py"]
    (tmp_path / "numpy" / "__init__.py").write_text("")
    assert len(modules_beside("numpy", tmp_path)) == 2


def test_a_circle_of_imports_and_a_file_that_cannot_be_parsed_have_a_digest(base):
    (base / "mine.py").write_text("import blocks\n")
    (base / "blocks.py").write_text("import mine\nimport broken\n")
    (base / "broken.py").write_text("def (:\n")
    assert len(code_digest(ModelRef.of("mine.py:build"), base=base)) == 64
    assert not stands_alone(ModelRef.of("mine.py:build"), base=base)


def test_registered_models_stand_alone_and_a_missing_file_does_not(tmp_path):
    assert stands_alone(ModelRef.of("mlp"), base=tmp_path)
    assert not stands_alone(ModelRef.of("mine.py:build"), base=tmp_path)


def test_definitions_have_the_same_digests_in_another_order_and_among_other_imports():
    other = b"import sys\n\n\ndef g() -> int:\n    return 2\n\n\nX = 1\n"
    assert sorted(definition_digests(b"X = 1\ndef g() -> int:\n    return 2\n")) == sorted(definition_digests(other))
    assert len(definition_digests(b"def (:")) == 1


def of_study(base, *, data="digits", model="mlp", loss=None):
    text = GOOD.replace('"digits"', f'"{data}"')
    if model != "mlp":
        text = OWN_MODEL.replace("nets.py:build", model).replace("data/mine.npz", data)
    (base / "x.toml").write_text(text + (f'[training]\nloss = "{loss}"\n' if loss and model != "mlp" else ""))
    return load_study(base / "x.toml", overrides=[], quick=False)


def test_the_digest_of_a_study_covers_model_data_and_loss(base):
    (base / "sets.py").write_text("def load():\n    return 1\n")
    alone = code_digest(ModelRef.of("mine.py:build"), base=base)
    assert study_digest(of_study(base)) == ""
    assert study_digest(of_study(base, model="mine.py:build")) == alone
    assert study_digest(of_study(base, data="mine.py:load", model="mine.py:build")) == alone
    both = study_digest(of_study(base, data="sets.py:load", model="mine.py:build"))
    assert both not in ("", alone)
    (base / "sets.py").write_text("def load():\n    return 2\n")
    assert study_digest(of_study(base, data="sets.py:load", model="mine.py:build")) != both
    assert study_digest(of_study(base, model="mine.py:build", loss="sets.py:f")) != alone


def test_the_code_that_makes_data_need_not_stand_alone_because_their_bytes_are_known(base):
    (base / "sets.py").write_text("import torch\n")
    assert study_stands_alone(of_study(base, data="sets.py:load"))
    assert study_stands_alone(of_study(base, data="sets.py:load", model="mine.py:build"))
    assert not study_stands_alone(of_study(base, model="sets.py:build"))
    assert not study_stands_alone(of_study(base, model="mine.py:build", loss="sets.py:f"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import keras\ndef build(f):\n    m = keras.Model()\n    m.compile(loss='mse')\n    return m", True),
        ("from heads import finished\ndef build(f):\n    return finished()", True),  # beside it
        ("import torch\ndef build(f):\n    return torch", True),  # who knows
        ("import keras\ndef build(f):\n    'Do not .compile() it'\n    return keras.Model()", False),
        ("def build(f:", True),
    ],
)
def test_whether_code_may_compile_its_model_is_read_off_it(tmp_path, code, expected):
    (tmp_path / "heads.py").write_text("def finished():\n    model = 1\n    model.compile()\n")
    (tmp_path / "mine.py").write_text(code)
    assert may_compile(ModelRef.of("mine.py:build"), base=tmp_path) is expected
    assert not may_compile(ModelRef.of("mlp"), base=tmp_path)
