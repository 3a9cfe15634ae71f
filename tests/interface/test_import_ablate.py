"""`import ablate` costs no library, and its names are typed and found."""

import subprocess
import sys

import pytest

import ablate

HEAVY = "{'tensorflow', 'keras', 'mlflow', 'optuna', 'pandas', 'numpy', 'matplotlib', 'scipy', 'pydantic', 'rich'}"


def loaded_after(code: str) -> str:
    said = f"import sys; {code}; print(sorted({HEAVY} & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_it_imports_no_library():
    assert loaded_after("import ablate; ablate.__version__; ablate.Stopped") == "[]"


def test_a_study_is_made_without_what_trains_it():
    assert "tensorflow" not in (found := loaded_after("import ablate; ablate.Study.read('digits_mlp')"))
    assert "pandas" not in found
    assert "mlflow" not in found


def test_every_name_is_found_and_others_are_said():
    assert set(dir(ablate)) == set(ablate.__all__)
    for name in ablate.__all__:
        assert getattr(ablate, name) is not None
    with pytest.raises(AttributeError, match="module 'ablate' has no attribute 'Studdy'"):
        ablate.Studdy  # noqa: B018  # looked up for its error
