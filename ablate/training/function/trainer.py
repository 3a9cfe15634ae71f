"""Train trials by a user's function, one after the other; any error in it becomes the outcome of its trial."""

import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import final

from ablate.data import load_arrays
from ablate.data.tasks import data_task
from ablate.errors import Stopped
from ablate.study.looked_up import LookedUp
from ablate.study.trial import Outcome, TrialSpec
from ablate.text import listed
from ablate.training.function.examples import SplitExamples
from ablate.training.function.libraries import is_out_of_memory, seed_libraries
from ablate.training.function.report import Report
from ablate.training.function.user_train import UserTrain
from ablate.training.reported import ReportedTrial
from ablate.training.trainers import Feed, TrainerTask
from ablate.training.trial_error import TrialError, contained_by
from ablate.training.trial_folder import empty_folder, user_seed

WAY = "function"  # with its name, the value of the column trained_by


@final
class FunctionTrials:
    """The trials of a study whose [model] has `train`."""

    def __init__(self, task: TrainerTask) -> None:
        self._study, self._folders = task.study, task.folders
        data = load_arrays(task.arrays)
        self._judged = data_task(task.study, data)
        self._examples = SplitExamples(task.study, data) if task.study.data.name else None
        self._train = UserTrain(task.study)
        if "tensorflow" in sys.modules:  # its file imports TensorFlow: before its first operation
            from ablate.training.engine.device import limit_tensorflow

            limit_tensorflow(task.threads)
        gc.freeze()  # the collection after each trial leaves out what is here for good, which takes 100 ms

    def check(self) -> tuple[str, ...]:
        """Check that the function gets what it lists, and that it gets the factors that vary."""
        self._train.check(of_data=self._examples.factors if self._examples else ())
        return ()

    def train(self, specs: Sequence[TrialSpec], feed: Feed) -> None:
        """Train specs to their ends, each by a call of the function."""
        for spec in specs:
            trial = ReportedTrial(spec, self._judged, lambda epoch: feed.report([epoch])[0], who=self._train.who)
            feed.tell(self._outcome(trial))
            gc.collect()

    def _outcome(self, trial: ReportedTrial) -> Outcome:
        began, given = time.perf_counter(), LookedUp(trial.spec.factors)
        try:
            found = contained_by(lambda: self._trained(trial, given), is_out_of_memory)
        except TrialError as broken:
            found = trial.failed(broken.state, broken.reason, broken.trace)
        seconds = time.perf_counter() - began
        return replace(
            found,
            seconds=seconds,
            timings={"train": seconds},
            notes=(*found.notes, *self._unread(given, found)),
            trained_by=f"{WAY}: {self._train.who}",
        )

    def _trained(self, trial: ReportedTrial, factors: LookedUp) -> Outcome:
        spec, fingerprint = trial.spec, ""
        seed = user_seed(self._study.seed, spec.seed)
        values: dict[str, object] = {
            "seed": seed,
            "report": Report(trial),
            "test": spec.may_test(),
            "epochs": self._study.training.epochs,
        }
        if self._examples is not None and self._train.lists("data"):
            values["data"], fingerprint = self._examples.of(factors, replicate=spec.seed, test=spec.may_test())
        if self._train.lists("folder"):
            values["folder"] = empty_folder(self._folders, spec.trial)
        seed_libraries(seed)
        return replace(self._called(trial, values, factors), data=fingerprint)

    def _called(self, trial: ReportedTrial, values: dict[str, object], factors: LookedUp) -> Outcome:
        try:
            return trial.ended(self._train.call(values, factors))
        except Stopped:
            return trial.stopped()
        except BaseException:
            if trial.is_stopped:  # only what it does at its end failed
                return trial.stopped()
            raise

    def _unread(self, factors: LookedUp, outcome: Outcome) -> tuple[str, ...]:
        """A notice on factors that vary, and that a finished trial never looked up."""
        of_data = self._examples.factors if self._examples else frozenset()
        unread = [name for name in self._study.space.dimensions if name not in factors.names and name not in of_data]
        if outcome.state != "finished" or not unread:
            return ()
        return (f"{self._train.who} did not look up {listed(unread)}",)
