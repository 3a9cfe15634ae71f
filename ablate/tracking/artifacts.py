"""Texts into artifacts of their runs, in order, kept as long as the place for artifacts does not take them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, final

from ablate.tracking.batch import write_texts
from ablate.tracking.store import reason

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@final
class Artifacts:
    """Files that runs still lack. The place for artifacts may fail where the store does not."""

    def __init__(self) -> None:
        self.failed = False
        self.failure = ""
        self._waiting: list[tuple[str, Mapping[str, str]]] = []  # run id, file name -> content

    def add(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Files to be written."""
        self._waiting.append((run_id, texts))

    def waiting(self) -> int:
        """How many files there are to be written."""
        return sum(len(texts) for _, texts in self._waiting)

    def write(self, client: "MlflowClient") -> bool:
        """Write what waits; whether all of it was."""
        while self._waiting:
            run_id, texts = self._waiting[0]
            try:
                write_texts(client, run_id, texts=texts)
            except Exception as err:  # whatever a place for artifacts raises must not end the training
                self.failure, self.failed = reason(err), True
                return False
            self._waiting.pop(0)
        return True
