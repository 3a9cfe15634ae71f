"""Trials by programs, from the command line to the outcome."""

import json
import sys
import time

import pytest
from programs import Told, are_gone, confirmatory, open_trials, run, spec

from ablate.errors import StudyError
from ablate.training.command import supervised
from ablate.training.command import trainer as module

OFTEN = "often a sign that the system ran out of memory"
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


def test_a_program_gets_its_trial_by_words_and_variables_and_runs_beside_the_study_file(tmp_path):
    command = "python -S train.py {depth} '{name}' --x={seed}{{}} {test} {epochs} {folder}"
    code = (
        "import json, os, sys\nown = {k: v for k, v in os.environ.items() if k.startswith('ABLATE_')}\n"
        "json.dump([sys.argv[1:], own, os.getcwd(), sys.executable], open('found.json', 'w'))\nprint('mae: 1')\n"
    )
    (tmp_path / "train.py").write_text(code)
    told = Told()
    open_trials(tmp_path, command).train([spec("search-1", seed=4)], told)
    words, own, folder, python = json.loads((tmp_path / "found.json").read_text())
    own_folder = str(tmp_path / "trials" / "search-1")
    assert words == ["2", "a b", "--x=4{}", "false", "2", own_folder]
    assert (own["ABLATE_SEED"], own["ABLATE_DEPTH"], own["ABLATE_TRIAL"]) == ("4", "2", "search-1")
    assert (own["ABLATE_FOLDER"], folder, python) == (own_folder, str(tmp_path), sys.executable)
    assert told.outcomes[0].trained_by == f"command: {command}"


def test_a_program_that_prints_becomes_a_finished_trial_with_its_output_kept(tmp_path):
    outcome, told = run(
        tmp_path, "echo mae: 0.5; echo warning >&2; echo mae: 0.25; echo test_mae: 1; echo parameters: 12"
    )
    assert (outcome.state, outcome.score, outcome.epochs, outcome.best_epoch) == ("finished", -0.25, 2, 2)
    assert [dict(epoch.metrics) for epoch in told.epochs] == [{"val_mae": 0.5}, {"val_mae": 0.25}]
    assert (outcome.parameters, outcome.discarded) == (12, ("test_mae",))
    assert 0 < outcome.timings["train"] == outcome.seconds < 5
    kept = (tmp_path / "trials" / "t" / "output.txt").read_text().splitlines()
    assert sorted(kept) == ["mae: 0.25", "mae: 0.5", "parameters: 12", "test_mae: 1", "warning"]


def test_test_metrics_are_kept_after_the_freeze_alone(tmp_path):
    script = 'echo mae: 0.5; [ "$ABLATE_TEST" = 1 ] && echo test_mae: 0.75; exit 0'
    outcome, _ = run(tmp_path, script, one=confirmatory())
    assert outcome.metrics == {"val_mae": 0.5, "test_mae": 0.75}
    assert not outcome.discarded
    assert run(tmp_path, script)[0].metrics == {"val_mae": 0.5}


def test_the_report_file_is_read_while_the_program_runs(tmp_path):
    script = """
    echo '{"epoch": 1, "mae": 0.5}' >> "$ABLATE_REPORT"
    echo mae: 7
    while [ ! -e go ]; do sleep 0.01; done
    printf '{"epoch": 2, "mae": 0.25}' >> "$ABLATE_REPORT"
    """
    outcome, told = run(tmp_path, script, goes_on=lambda _: (tmp_path / "go").touch() or True)
    assert (outcome.state, outcome.score) == ("finished", -0.25)
    assert [epoch.metrics["val_mae"] for epoch in told.epochs] == [0.5, 0.25]


@needs_proc
def test_a_pruned_program_ends_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(supervised, "GRACE_SECONDS", 0.2)
    script = """
    trap 'echo cleaning' TERM
    (setsid sh -c 'echo $$ >> pids; sleep 100; :' &)
    while [ ! -e pids ]; do sleep 0.01; done
    echo $$ >> pids; echo mae: 0.5
    while :; do sleep 0.05; done
    """
    outcome, _ = run(tmp_path, script, goes_on=lambda _: False)
    assert (outcome.state, outcome.score, outcome.reason) == ("pruned", -0.5, "stopped after epoch 1")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert are_gone(pids, seconds=0.1)
    assert "cleaning\n" in (tmp_path / "trials" / "t" / "output.txt").read_text()


def test_a_program_that_diverges_is_ended(tmp_path):
    outcome, told = run(tmp_path, "echo mae: 0.5; echo mae: nan; sleep 100")
    assert (outcome.state, outcome.reason, outcome.score) == ("diverged", "its mae is nan in epoch 2", None)
    assert outcome.seconds < 5
    assert len(told.epochs) == 1


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ("echo mae: 1; echo 'ValueError: bad' >&2; exit 3", "failed", "exit code 3: ValueError: bad"),
        ("echo mae: 1; kill -9 $$", "failed", f"killed by signal 9 (SIGKILL), {OFTEN}"),
        ("echo mae: 1; kill -SEGV $$", "failed", "killed by signal 11 (SIGSEGV)"),
        ("echo MemoryError >&2; exit 1", "out_of_memory", "exit code 1: MemoryError"),
        ("exec ./nothing", "failed", "exit code 127: train.sh: 1: exec: ./nothing: not found"),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_a_failed_trial(tmp_path, script, state, reason):
    outcome, _ = run(tmp_path, script)
    assert (outcome.state, outcome.reason, outcome.score) == (state, reason, None)
    assert outcome.traceback.splitlines()[0].endswith("/sh train.sh")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo rmse: 1", "the program reports no mae, which [metric] names; it reports rmse; print a line such as"),
        ("exit 0", "the program reports no mae, which [metric] names; it reports nothing"),
        ("echo MAE 0.5 >&2; echo mae=0.5", 'the program reports no mae, which [metric] names; it printed "mae=0.5"'),
        ("echo 'mae 1' >> $ABLATE_REPORT; sleep 100", "$ABLATE_REPORT: line 1 is no JSON object: mae 1"),
        ('echo \'{"mae": "low"}\' >> $ABLATE_REPORT', "the program reports: mae must be a number, got 'low' (str)"),
    ],
)
def test_a_program_whose_reports_are_no_numbers_fails_with_the_way_out(tmp_path, script, reason):
    outcome, _ = run(tmp_path, f"echo so far >&2; {script}")
    assert outcome.state == "failed"
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason) > len(reason)
    assert outcome.traceback.splitlines()[0].endswith("/sh train.sh")
    assert "output.txt:\nso far\n" in outcome.traceback


def test_a_line_that_a_killed_program_did_not_end_is_not_read(tmp_path):
    outcome, told = run(tmp_path, "printf '{\"mae\": 1}' >> $ABLATE_REPORT; printf 'mae: 1'; kill -9 $$")
    assert outcome.state == "failed"
    assert not told.epochs


def test_a_flood_costs_neither_the_disk_nor_the_result(tmp_path):
    script = "head -c 9000000 /dev/zero | tr '\\0' x; echo; yes | head -c 9000000; echo mae: 0.5"
    outcome, _ = run(tmp_path, script)
    assert outcome.score == -0.5
    assert (tmp_path / "trials" / "t" / "output.txt").stat().st_size < 1.1 * 2**20


def test_a_second_attempt_finds_no_file_of_the_first(tmp_path):
    script = 'ls "$ABLATE_FOLDER" >> seen; touch "$ABLATE_FOLDER/left"; echo mae: 1'
    run(tmp_path, script)
    run(tmp_path, script)
    assert (tmp_path / "seen").read_text() == "output.txt\noutput.txt\n"


def test_a_program_that_prints_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIFE_SECONDS", 0.05)
    (tmp_path / "train.sh").write_text("for i in 1 2 3; do echo $i; sleep 0.1; done; echo mae: 1")
    trials, lives = open_trials(tmp_path, "sh train.sh"), []
    trials._on_life = lambda: lives.append(time.monotonic())
    trials.train([spec()], Told())
    assert 2 <= len(lives) <= 4


def test_what_cannot_start_is_refused_before_the_first_trial(tmp_path):
    (tmp_path / "train.sh").touch()
    assert open_trials(tmp_path, "sh train.sh {depth}").check() == ()
    for command, said in {
        "shh train.sh": 'there is no program "shh"',
        "{name} train.sh": 'there is no program "a b"',
        "sh other.sh": 'there is no file "other.sh"',
    }.items():
        with pytest.raises(StudyError, match=f"model.command: {said}"):
            open_trials(tmp_path, command).check()


def test_a_program_that_vanishes_is_a_failed_trial(tmp_path):
    (tmp_path / "train").write_text("#!/bin/sh\n")
    (tmp_path / "train").chmod(0o755)
    trials, told = open_trials(tmp_path, "./train"), Told()
    (tmp_path / "train").unlink()
    trials.train([spec()], told)
    assert told.outcomes[0].state == "failed"
    assert "there is no program" in told.outcomes[0].reason
