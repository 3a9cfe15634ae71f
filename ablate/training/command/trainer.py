"""Train trials by a user's program, one process a trial; whatever happens to it becomes the outcome of its trial."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

from ablate.data import load_arrays
from ablate.data.tasks import data_task
from ablate.errors import Stopped, StudyError, one_line
from ablate.study.own_trial import filled
from ablate.study.task import Task
from ablate.study.trial import Level, Outcome, TrialSpec
from ablate.training.command.environment import program_environment
from ablate.training.command.find_program import find_program, other_python
from ablate.training.command.held_folder import held_folder
from ablate.training.command.kept_output import OUTPUT, LastBytes, OutputFile
from ablate.training.command.last_words import MOST_LINES, LastWords, failure_of
from ablate.training.command.missing_metric import missing_metric
from ablate.training.command.program_steps import ProgramSteps
from ablate.training.command.report_file import REPORT, ReportFile
from ablate.training.command.supervised import ProgramEnd, Stream, Supervised
from ablate.training.own_code import check_command
from ablate.training.reported import ReportedTrial
from ablate.training.reported_numbers import column_of
from ablate.training.trainers import Feed, TrainerTask
from ablate.training.trial_error import TrialError, contained_by
from ablate.training.trial_folder import user_seed

WAY = "command"  # with the command line, the value of the column trained_by
WHO = "the program"  # in messages
LIFE_SECONDS = 5.0  # between two signs of life of a program that prints, but reports nothing
KEPT_BYTES = 2**16  # of the last output, for messages


@final
class CommandTrials:
    """The trials of a study whose [model] has `command`."""

    def __init__(self, task: TrainerTask) -> None:
        self._study, self._folders, self._on_life = task.study, task.folders, task.on_life
        self._judged = data_task(task.study, load_arrays(task.arrays))
        self._command, self._base = task.study.model.command, task.study.base.resolve()

    def check(self) -> tuple[str, ...]:
        """Check that the program of the baseline is there, and its script."""
        if not hasattr(os, "fork"):
            raise StudyError("model.command: programs run on Linux and macOS only\n  write a function: train = …")
        notice = other_python(check_command(self._study))
        return (notice,) if notice else ()

    def train(self, specs: Sequence[TrialSpec], feed: Feed) -> None:
        """Train specs to their ends, each by a run of the program."""
        for spec in specs:
            feed.tell(self._outcome(ReportedTrial(spec, self._judged, lambda epoch: feed.report([epoch])[0], who=WHO)))

    def _values(self, *, seed: int, test: bool) -> dict[str, Level]:
        return {"seed": seed, "epochs": self._study.training.epochs, "test": test}

    def _outcome(self, trial: ReportedTrial) -> Outcome:
        began = time.perf_counter()
        try:
            found = contained_by(lambda: self._trained(trial), lambda err: isinstance(err, MemoryError))
        except TrialError as broken:
            found = trial.failed(broken.state, broken.reason, broken.trace)
        seconds = time.perf_counter() - began
        way = f"{WAY}: {self._command}"
        return replace(found, seconds=seconds, timings={"train": seconds}, trained_by=way)

    def _trained(self, trial: ReportedTrial) -> Outcome:
        spec = trial.spec
        values = self._values(seed=user_seed(self._study.seed, spec.seed), test=spec.may_test())
        with held_folder(self._folders, spec.trial) as (folder, held):
            words = filled(self._command, {**spec.factors, **values, "folder": str(folder)})
            words[0] = find_program(words[0], folder=self._base)  # Python finds its packages by this path
            program = Supervised(
                words,
                folder=self._base,
                environment=program_environment(values, spec.factors, trial=spec.trial, folder=folder),
                held=(held,),
            )
            print(f"{spec.trial}: {shlex.join(words)} > {folder / OUTPUT}", file=sys.stderr)  # the worker's log
            run = _ProgramRun(trial, words, folder, task=self._judged, on_life=self._on_life)
            try:
                run.follow(program)
            finally:
                run.output.close()
            return run.outcome(program.end)


@final
class _ProgramRun:
    """What one run of a program has said, and what it makes of its trial."""

    def __init__(
        self, trial: ReportedTrial, words: Sequence[str], folder: Path, *, task: Task, on_life: Callable[[], None]
    ) -> None:
        self._trial, self._words, self._task, self._on_life = trial, words, task, on_life
        self._steps = ProgramSteps(trial, ReportFile(folder / REPORT))
        self._file = folder / OUTPUT
        self.output = OutputFile(self._file)
        self._last: dict[Stream, LastBytes] = {"stdout": LastBytes(KEPT_BYTES), "stderr": LastBytes(KEPT_BYTES)}
        self._alive = time.monotonic()
        self._fault: StudyError | None = None  # of its reports

    def follow(self, program: Supervised) -> None:
        """Start the program, and take what it reports until it ends or its trial does."""
        with program:
            try:
                for stream, chunk in program.chunks():
                    self._keep(stream, chunk)
                    self._steps.printed(chunk if stream == "stdout" else b"")
                if program.end.code == 0:
                    self._steps.look(is_last=True)
            except Stopped:
                pass
            except StudyError as err:
                self._fault = err
            for stream, chunk in program.ending():
                self._keep(stream, chunk)

    def outcome(self, end: ProgramEnd) -> Outcome:
        """The outcome of the trial. Raises `TrialError` where the program or its reports failed."""
        if self._trial.is_stopped:
            return self._noted(self._trial.stopped(), end)
        if self._fault is None and end.code != 0:
            raise failure_of(end, said=self._said())
        try:
            if self._fault is not None:
                raise self._fault
            self._check_metric()
            return self._noted(self._trial.ended(self._steps.result or None), end)
        except StudyError as err:
            fault = TrialError(
                "failed",
                one_line("; ".join(line.strip() for line in str(err).splitlines())),
                self._said().trace(str(err)),
            )
        raise fault

    def _check_metric(self) -> None:
        """Raise `StudyError` if the deciding metric is missing."""
        names = self._steps.names
        if self._task.monitor.name in {column_of(name) for name in names}:
            return
        raise missing_metric(
            self._task.decides,
            reported=sorted(names),
            has_written=self._steps.has_written,
            stdout=self._last["stdout"].lines(MOST_LINES),
            stderr=self._last["stderr"].lines(MOST_LINES),
        )

    def _keep(self, stream: Stream, chunk: bytes) -> None:
        self.output.add(chunk)
        self._last[stream].add(chunk)
        if chunk and time.monotonic() - self._alive > LIFE_SECONDS:
            self._on_life()
            self._alive = time.monotonic()

    def _said(self) -> LastWords:
        return LastWords(self._words, self._last["stderr"], self._last["stdout"], self._file)

    def _noted(self, outcome: Outcome, end: ProgramEnd) -> Outcome:
        if not end.left:
            return outcome
        return replace(outcome, notes=(*outcome.notes, f"{end.left} of its processes could not be ended"))
