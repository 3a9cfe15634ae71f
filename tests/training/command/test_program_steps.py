"""What a program reports, as steps: printed lines, or lines of its report file, which win."""

import json

import pytest
from programs import read_study, spec

from ablate.errors import Stopped, StudyError
from ablate.study.read_task import task_of
from ablate.training.command import program_steps as module
from ablate.training.command.program_steps import ProgramSteps
from ablate.training.command.report_file import ReportFile
from ablate.training.reported import ReportedTrial


class Followed:
    """The steps of a trial and what came of them."""

    def __init__(self, folder, goes_on=lambda _: True):
        self.epochs, self.path = [], folder / "report.jsonl"
        self._goes_on = goes_on
        task = task_of(read_study(folder, "true"), {}, lambda _name, **_: 0.0)
        self.trial = ReportedTrial(spec(), task, self._send, who="the program")
        self.steps = ProgramSteps(self.trial, ReportFile(self.path))

    def _send(self, epoch):
        self.epochs.append((epoch.epoch, dict(epoch.metrics)))
        return self._goes_on(epoch)

    def write(self, *lines):
        with self.path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def ended(self):
        self.steps.look(is_last=True)
        return self.trial.ended(self.steps.result or None)


@pytest.fixture
def followed(tmp_path):
    return Followed(tmp_path)


def test_each_printed_line_of_the_deciding_metric_is_a_step_and_the_last_the_result(followed):
    followed.steps.printed(b"train_loss: 3\nmae: 0.5\nrmse: 1\nnoise\nmae: 0.25\nrmse: 2\n")
    outcome = followed.ended()
    assert followed.epochs == [(1, {"train_loss": 3.0, "val_mae": 0.5}), (2, {"val_rmse": 1.0, "val_mae": 0.25})]
    assert outcome.metrics == {"val_mae": 0.25, "val_rmse": 2.0}


def test_a_last_line_without_end_counts(followed):
    followed.steps.printed(b"mae: 0.25")
    assert followed.ended().score == -0.25


def test_words_that_name_columns_are_only_output(followed):
    followed.steps.printed(b"epoch: 7\nseconds: 3\ntrial: 1\nval: 2\nmae: 0.25\n")
    followed.ended()
    assert followed.epochs == [(1, {"val_mae": 0.25})]


def test_printed_numbers_wait_for_a_moment_and_then_count(followed, monkeypatch):
    followed.steps.printed(b"mae: 0.25\n")
    assert followed.epochs == []
    monkeypatch.setattr(module, "WAIT_SECONDS", -1.0)
    followed.steps.printed(b"")
    assert followed.epochs == [(1, {"val_mae": 0.25})]


def test_the_report_file_wins_over_printed_lines(followed, monkeypatch):
    followed.steps.printed(b"mae: 9\n")
    followed.write({"epoch": 1, "mae": 0.5})
    followed.steps.printed(b"mae: 8\n")
    monkeypatch.setattr(module, "WAIT_SECONDS", -1.0)
    followed.write({"epoch": 2, "mae": 0.25})
    followed.steps.printed(b"mae: 7\n")
    outcome = followed.ended()
    assert followed.epochs == [(1, {"val_mae": 0.5}), (2, {"val_mae": 0.25})]
    assert outcome.score == -0.25


def test_a_line_without_an_epoch_is_the_result_after_lines_with_one_and_else_a_step(tmp_path):
    (tmp_path / "a").mkdir()
    with_epochs = Followed(tmp_path / "a")
    with_epochs.write({"epoch": 1, "mae": 0.5}, {"mae": 0.125, "rmse": 2})
    outcome = with_epochs.ended()
    assert [number for number, _ in with_epochs.epochs] == [1]
    assert outcome.metrics == {"val_mae": 0.125, "val_rmse": 2.0}
    (tmp_path / "b").mkdir()
    without = Followed(tmp_path / "b")
    without.write({"mae": 0.5}, {"mae": 0.25})
    assert without.ended().epochs == 2


def test_a_program_that_prints_steps_and_then_writes_others_is_refused(followed, monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", -1.0)
    followed.steps.printed(b"mae: 0.5\n")
    followed.write({"epoch": 1, "mae": 0.5})
    with pytest.raises(
        StudyError, match=r"(?s)prints its numbers, and then writes those of epoch 1 .*keep one of both"
    ):
        followed.steps.printed(b"")


@pytest.mark.parametrize("epoch", ["3", True, 1.5, [1], float("nan")])
def test_an_epoch_that_is_no_whole_number_is_refused(followed, epoch):
    followed.write({"epoch": epoch, "mae": 0.5})
    with pytest.raises(StudyError, match="epoch must be a whole number, got "):
        followed.steps.look()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"epoch": 1, "mae": None}, "mae must be a number, got None"),
        ({"epoch": 1, "mae": "0.5"}, "mae must be a number, got '0.5'"),
        ({"epoch": 1, "a b": 1}, "'a b' cannot be the name of a metric"),
        ({"epoch": 1, "seconds": 1}, "'seconds' cannot be the name of a metric"),
    ],
)
def test_what_is_no_number_of_a_name_in_the_report_file_is_refused(followed, line, said):
    followed.write(line)
    with pytest.raises(StudyError, match=said):
        followed.steps.look()


def test_a_program_that_reports_ever_new_names_is_refused(followed):
    followed.steps.printed(b"".join(b"x%d: 1\n" % number for number in range(module.MOST_NAMES)))
    followed.steps.printed(b"mae: 1\n")
    with pytest.raises(StudyError, match="reports more than 200 different numbers"):
        followed.steps.look(is_last=True)


def test_a_trial_ends_at_the_step_that_its_pruner_refuses(tmp_path):
    followed = Followed(tmp_path, goes_on=lambda epoch: epoch.epoch < 2)
    followed.steps.printed(b"mae: 0.5\nmae: 0.4\nmae: 0.3\n")
    with pytest.raises(Stopped):
        followed.steps.look(is_last=True)
    assert [number for number, _ in followed.epochs] == [1, 2]
    assert followed.trial.stopped().state == "pruned"
