"""The command line as a user meets it: messages, exit codes, files."""

import json
import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ablate.cli import main
from ablate.errors import AblateError


def ablate(*arguments: str, capsys, code: int = 0) -> tuple[str, str]:
    """Run in this process; what it printed and said on the error stream."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ablate", *arguments])
        try:
            main.main()
        except SystemExit as end:
            ended = end.code or 0
    out, err = capsys.readouterr()
    assert ended == code, err
    return out, err


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_help_names_every_command(capsys):
    out, _ = ablate("--help", capsys=capsys)
    for name in ("study", "lr", "report", "list", "show", "init", "ui", "doctor", "compare", "gc"):
        assert f"\n  {name} " in out


@pytest.mark.parametrize("command", [(), ("study",)])
def test_help_names_the_exit_codes(capsys, command):
    words = " ".join(ablate(*command, "--help", capsys=capsys)[0].split())
    assert "Exit codes: 0 done; 1 " in words
    assert "; 2 wrong usage" in words
    assert "; 130 interrupted" in words


def test_version_names_the_libraries_after_its_own_without_importing_them(capsys):
    import keras

    from ablate import __version__

    lines = ablate("--version", capsys=capsys)[0].splitlines()
    assert lines[0] == f"ablate {__version__}"
    assert lines[1] == f"python {platform.python_version()}"
    assert f"keras {keras.__version__}" in lines
    names = [line.split()[0] for line in lines]
    assert {"tensorflow", "optuna", "mlflow", "pandas", "numpy", "scipy"} <= set(names)
    code = "import sys; sys.argv[1:] = ['--version']\nfrom ablate.cli.main import app\ntry: app()\nfinally: "
    code += "print(sorted({'keras', 'tensorflow', 'numpy', 'pandas', 'mlflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"


def test_two_reports_are_set_side_by_side(capsys, tmp_path):
    table = "trial,phase,variant,factor,level,mode,against,seed,state,score,test_accuracy\n"
    for name, gain in (("one", 0.1), ("two", 0.0)):
        rows = "".join(
            f"{variant}-{seed},ablation,{variant},{factor},{level},,{against},{seed},finished,{score},{score}\n"
            for seed in range(8)
            for variant, factor, level, against, score in (
                ("reference", "", "", "", 0.5 + seed / 100),
                ("depth=2", "depth", "2", "reference", 0.5 + seed / 90 + gain),
            )
        )
        (tmp_path / "reports" / name).mkdir(parents=True)
        (tmp_path / "reports" / name / "results.csv").write_text(table + rows)
    out, _ = ablate("compare", "one", "two", capsys=capsys)
    assert out.startswith("1 comparison in both: 0 with the same verdict, 1 with another.")
    assert "depth = 2" in out
    assert "page     reports/compare_one_two.html" in out
    assert Path("reports/compare_one_two.html").read_text().startswith("<!doctype html>")
    _, err = ablate("compare", "one", "three", capsys=capsys, code=2)
    assert "available results: one, two" in err


def test_gc_shows_and_refuses_to_remove_where_nobody_can_be_asked(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_PROGRAM_CACHE", "off")
    kept = tmp_path / "reports" / ".cache" / "trials" / "ab" / f"{'ab' * 32}.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert "cached trials  1" in ablate("gc", capsys=capsys)[0]
    _, err = ablate("gc", "--trim", "--size", "0", capsys=capsys, code=2)
    assert "add --yes" in err
    assert kept.exists()
    assert "removed 1 file" in ablate("gc", "--trim", "--size", "0", "--yes", capsys=capsys)[0]
    assert not kept.exists()


def test_list_shows_the_bundled_studies_and_ones_own(capsys, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "mine.toml").write_text('title = "My own"\n')
    out, _ = ablate("list", capsys=capsys)
    assert "digits_mlp" in out
    assert "My own" in out


def test_an_unknown_study_is_answered_with_the_nearest_name(capsys):
    _, err = ablate("study", "digits_mpl", capsys=capsys, code=2)
    assert "digits_mlp" in err
    assert "Traceback" not in err


def test_a_wrong_setting_names_file_key_rule_and_nearest_name(capsys):
    _, err = ablate("study", "digits_mlp", "--set", "baseline.activation=rellu", capsys=capsys, code=2)
    assert "baseline.activation" in err
    assert 'did you mean "relu"?' in err
    assert len(err.strip().splitlines()) <= 3


def test_show_prints_the_resolved_study_with_its_size(capsys):
    dropout = "space.dropout={ low = 0.0, high = 0.4, ablate = [0.2], when = { activation = ['elu', 'tanh', 'relu'] } }"
    out, _ = ablate("show", "digits_mlp", "--set", "training.epochs=7", "--set", dropout, capsys=capsys)
    assert tomllib.loads(out)["training"]["epochs"] == 7  # the summary is a comment, and no line is wrapped
    assert "\n# dropout matters only where activation is elu or tanh or relu\n" in out
    assert "# 6 search trials, then 7 variants × 8 seeds" in out
    assert "8,970 parameters" in out


def test_lr_suggests_a_rate_and_draws_the_curve(capsys):
    out, _ = ablate("lr", "digits_mlp", capsys=capsys)
    assert "suggested learning rate" in out
    assert Path("reports/digits_mlp/lr_test.svg").read_text().startswith("<")


@pytest.mark.parametrize("option", ["--workers", "--stack"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_count_is_auto_or_a_whole_number_from_one(capsys, option, value):
    _, err = ablate("study", "digits_mlp", option, value, capsys=capsys, code=2)
    assert f'\'{option}\': must be "auto" or a whole number from 1, got "{value}"' in err


@pytest.mark.parametrize(
    ("arguments", "workers", "stack"),
    [((), None, None), (("--workers", "auto", "--stack", "auto"), None, None), (("--workers=3", "--stack=4"), 3, 4)],
)
def test_counts_reach_the_study_and_auto_is_the_default(capsys, monkeypatch, arguments, workers, stack):
    from ablate.cli.commands import study

    taken = []
    monkeypatch.setattr(study, "run_shown", lambda _, options, __: taken.append(options) or stop())

    def stop():
        raise AblateError("far enough")

    ablate("study", "digits_mlp", *arguments, capsys=capsys, code=2)
    assert (taken[0].workers, taken[0].stack) == (workers, stack)


def test_the_last_line_counts_what_a_study_waited_for_and_not_what_its_tracker_did_beside():
    from ablate.cli.commands.study import cost

    seconds = {"total": 100.0, "train": 60.0, "evaluate": 20.0, "compile": 5.0, "track": 30.0, "track_wait": 1.0}
    line = cost(seconds, states={"finished": 3, "out_of_memory": 1})
    assert "training 80 %, compiling 5 %, range tests 0.0 %, tracking 1.0 %, the rest 14 %" in line
    assert line.endswith("trials: 3 finished, 1 out of memory")
    assert "training 80 %, pretraining 10 %, comp" in cost({**seconds, "pretrain": 10.0}, states={})


def test_only_takes_two_words(capsys):
    _, err = ablate("study", "digits_mlp", "--only", "both", capsys=capsys, code=2)
    assert '"search" or "ablation"' in err


def test_a_missing_data_folder_is_an_error_and_no_fallback(capsys):
    _, err = ablate("study", "cifar_mlp", "--data-dir", "nowhere", capsys=capsys, code=2)
    assert "nowhere" in err


def test_report_without_results_says_what_there_is(capsys):
    _, err = ablate("report", "digits_mlp", capsys=capsys, code=2)
    assert "none yet" in err


def test_report_takes_a_study_file_for_its_study(capsys, tiny_file):
    named = tiny_file.with_name("m.toml")
    named.write_text(tiny_file.read_text())
    _, err = ablate("report", str(named), capsys=capsys, code=2)
    assert "m: no results.csv in reports/m\n" in err
    _, err = ablate("report", "nowhere.toml", capsys=capsys, code=2)
    assert "no such study" in err or "nowhere.toml" in err


def test_an_unreachable_store_is_an_error_before_anything_trains(capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    uri = f"sqlite:///{tmp_path}/file/x.db"
    _, err = ablate("study", "digits_mlp", "--tracking-uri", uri, capsys=capsys, code=2)
    assert uri in err
    assert not (tmp_path / "reports" / "digits_mlp" / "trials.jsonl").exists()


@pytest.mark.slow
def test_doctor_reports_and_ends_well_without_tensorflows_chatter(tmp_path):
    command = [sys.executable, "-m", "ablate.cli.main", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "tensorflow" in done.stdout
    assert done.stdout.rstrip().endswith("ready")
    assert done.stderr == ""
    assert "a tiny network trains in a worker process" in done.stdout
    assert "sqlite:///mlflow.db will be created by the first study" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_ui_of_a_server_says_to_open_it(capsys):
    _, err = ablate("ui", "--tracking-uri", "http://127.0.0.1:9", capsys=capsys, code=2)
    assert "http://127.0.0.1:9" in err


def test_a_study_from_the_command_line_as_json_then_its_report_again(tiny_file, tmp_path):
    """In a process of its own, without a terminal, as a machine would call it."""
    command = [sys.executable, "-m", "ablate.cli.main", "study", str(tiny_file), "--json", "--set", "search.trials=2"]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        [*command, "--set", "ablation.seeds=1"], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["event"] == "opened"
    assert lines[-1]["event"] == "closed"
    assert lines[-1]["complete"]
    page = tmp_path / lines[-1]["report"]
    page.unlink()
    again = subprocess.run(
        [sys.executable, "-m", "ablate.cli.main", "report", "tiny"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert page.exists()
    assert "\x1b" not in again.stdout
