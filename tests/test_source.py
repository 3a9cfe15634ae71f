import pytest

from ablate import source
from ablate.source import code_digest, package_digest, stands_alone


@pytest.fixture
def base(tmp_path):
    (tmp_path / "mine.py").write_text("import keras\n")
    return tmp_path


def test_the_digest_of_user_code_follows_its_text(base):
    before = code_digest("mine.py:build", base=base)
    (base / "mine.py").write_text("import keras\n# changed\n")
    assert before != code_digest("mine.py:build", base=base)
    assert code_digest("mlp", base=base) == ""


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("import math, keras.layers\nfrom numpy.random import default_rng", True),
        ("def build():\n    import torch", False),
        ("from . import blocks", False),
        ("from blocks import dense", False),
        ("def build(:", False),
    ],
)
def test_a_users_model_stands_alone_if_versions_cover_what_it_imports(base, text, alone):
    (base / "mine.py").write_text(text)
    assert stands_alone("mine.py:build", base=base) == alone


def test_registered_models_stand_alone_and_a_missing_file_does_not(tmp_path):
    assert stands_alone("mlp", base=tmp_path)
    assert not stands_alone("mine.py:build", base=tmp_path)


def test_the_package_digest_follows_what_decides_numbers_alone(tmp_path, monkeypatch):
    for name in ("models/build.py", "engine/program.py", "report.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(source, "__file__", str(tmp_path / "source.py"))

    def digest() -> str:
        package_digest.cache_clear()
        return package_digest()

    before = digest()
    (tmp_path / "report.py").write_text("x = 2\n")
    assert digest() == before
    (tmp_path / "engine" / "program.py").write_text("x = 2\n")
    assert digest() != before
    package_digest.cache_clear()
