"""A trial from its start until the store has all of it."""

from dataclasses import dataclass, field
from typing import final

from ablate.records import Epoch, Outcome, TrialSpec


@final
@dataclass(slots=True)
class OpenTrial:
    """An open trial: what of it the store does not have yet. Nothing is dropped before the store has taken it."""

    spec: TrialSpec
    opened: int  # ms since 1970, like all times that MLflow keeps
    run_id: str = ""
    has_params: bool = False
    epochs: list[tuple[int, Epoch]] = field(default_factory=list)
    outcome: Outcome | None = None
    ended: int = 0
    due: float = 0.0  # monotonic seconds, when the epochs are to be written

    def waiting(self) -> int:
        """Events that the store does not have."""
        return (not self.run_id) + len(self.epochs) + (self.outcome is not None)
