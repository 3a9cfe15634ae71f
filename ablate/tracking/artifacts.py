"""Texts into artifacts of their runs, in order, kept as long as the place for artifacts does not take them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, final

from ablate.tracking.batch import write_batch, write_texts
from ablate.tracking.entries import FILES
from ablate.tracking.store import is_gone, reason

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@final
class Artifacts:
    """Files that runs still lack. The place for artifacts may fail where the store does not."""

    def __init__(self) -> None:
        self.failed = False
        self.failure = ""
        self.written = 0  # runs that got theirs
        self._waiting: list[tuple[str, Mapping[str, str], str | None]] = []  # run id, file name -> content, had

    def add(self, run_id: str, texts: Mapping[str, str], *, had: str | None = None) -> None:
        """Files to be written. `had`: those that the run's tag names already; None: it has no such tag."""
        self._waiting.append((run_id, texts, had))

    def waiting(self) -> set[str]:
        """The ids of the runs that lack files."""
        return {run_id for run_id, _, _ in tuple(self._waiting)}  # a copy: another thread may ask

    def write(self, client: "MlflowClient") -> bool:
        """Write what waits, and tag runs with what they have, so that nobody need look; whether all was written."""
        while self._waiting:
            run_id, texts, had = self._waiting[0]
            try:
                write_texts(client, run_id, texts=texts)
                if had is not None:
                    write_batch(client, run_id, tags={FILES: " ".join([*had.split(), *texts])})
            except Exception as err:  # whatever a place for artifacts raises must not end the training
                if not is_gone(err):
                    self.failure, self.failed = reason(err), True
                    return False
            self._waiting.pop(0)
            self.written += 1
        return True
