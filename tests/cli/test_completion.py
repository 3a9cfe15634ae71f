"""What a shell gets when it asks, as the shells ask: by environment variables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.cli.completion import overrides, result_names, study_names

HEAVY = "{'tensorflow', 'keras', 'jax', 'mlflow', 'optuna', 'pandas', 'numpy', 'matplotlib', 'scipy', 'ray'}"
CODE = f"""
import sys
from ablate.cli.main import app
try:
    app(prog_name="ablate")
finally:
    print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)
"""


def results_in(folder):
    folder.mkdir(parents=True)
    (folder / "results.csv").write_text("trial\n")


def completed(*words: str, folder) -> list[str]:
    """What bash offers for the last word."""
    asked = {
        "_ABLATE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["ablate", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, env=os.environ | asked, cwd=folder, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"  # no heavy library
    return done.stdout.split()


@pytest.fixture
def here(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "digits_own.toml").write_text(
        'title = "Mine"\n[baseline]\nwidth = 3\n[space]\nwidth = [3]\n'
    )
    results_in(tmp_path / "reports" / "digits_done")
    results_in(tmp_path / "elsewhere" / "digits_moved")
    (tmp_path / "reports" / "digits_empty").mkdir()
    return tmp_path


def test_commands_and_studies_are_completed(here):
    assert {"study", "compare", "gc", "doctor"} <= set(completed("", folder=here))
    found = completed("study", "digits", folder=here)
    assert {"digits_mlp", "digits_own"} <= set(found)
    assert all(name.startswith("digits") for name in found)


def test_folders_of_results_are_completed_where_out_says(here):
    assert completed("compare", "digits_d", "", folder=here) == ["digits_done"]
    assert completed("report", "--out", "elsewhere", "", folder=here) == ["digits_moved"]


def test_settings_are_completed_with_the_studys_own_factors(here):
    found = completed("study", "digits_own", "--set", "training.p", folder=here)
    assert {"training.patience=", "training.precision="} <= set(found)
    assert completed("study", "digits_own", "--set", "baseline.", folder=here) == ["baseline.width="]


def test_choices_are_completed(here):
    assert completed("study", "digits_own", "--only", "", folder=here) == ["search", "ablation"]
    assert completed("analyze", "a.csv", "--direction", "mi", folder=here) == ["minimize"]


def test_the_scripts_for_the_shells_can_be_shown(here):
    for shell in ("bash", "zsh", "fish"):
        asked = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        code = f"import sys; sys.argv[1:] = ['--show-completion', {shell!r}]\n{CODE}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | asked,
                              cwd=here, check=False)  # fmt: skip
        assert "_ABLATE_COMPLETE" in done.stdout, done.stderr


def test_studies_come_with_their_titles(here):
    assert study_names("digits_o", folder=here) == [("digits_own", "Mine")]


def test_the_values_of_a_setting_with_choices_are_completed(here):
    def begun(text):
        return overrides(text, study="", folder=here)

    assert begun("training.precision=m") == ["training.precision=mixed_bfloat16", "training.precision=mixed_float16"]
    assert begun("training.epochs=") == []  # any number
    assert begun("data.scaling=standardize_") == ["data.scaling=standardize_channels"]
    assert begun("nothing.here=") == []


def test_every_key_that_is_offered_is_one_that_a_study_takes():
    from ablate.study.load import _TABLES, _TOP

    keys = {key.rstrip("=") for key in overrides("", study="digits_mlp", folder=Path.cwd())}
    assert len(keys) > 60
    assert {key.partition(".")[0] for key in keys} <= {*_TOP, *_TABLES}


def test_a_study_that_cannot_be_read_has_no_factors_to_offer(tmp_path):
    assert "training.epochs=" in overrides("", study="nowhere", folder=tmp_path)
    (tmp_path / "broken.toml").write_text("[")
    assert not any(key.startswith("baseline") for key in overrides("", study="broken.toml", folder=tmp_path))
    assert result_names("", out=tmp_path / "nowhere") == []
