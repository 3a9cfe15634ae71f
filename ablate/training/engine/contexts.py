"""The training contexts of a process: one for the examples of each combination of data factors."""

import gc
from collections.abc import Callable
from typing import TypeAlias, final

from ablate.data import Dataset
from ablate.data.placement import SHARE, UNKNOWN, Room
from ablate.data.variants import is_made_for, open_variant
from ablate.models.process_settings import settings_kept
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors
from ablate.training.engine.context import TrainingContext

MOST_HELD = 3  # contexts: each holds its examples and its programs
MakeContext: TypeAlias = Callable[[Dataset], TrainingContext]


@final
class Contexts:
    """Training contexts by data factors; `make` makes that of a data set, `data` is the baseline's.

    The examples of other configurations are loaded by the user's function when a trial needs them. The contexts used
    last are held: `MOST_HELD`, and no more than fit into `room`.
    """

    def __init__(self, study: StudySettings, data: Dataset, make: MakeContext, *, room: Room = UNKNOWN) -> None:
        self._study, self._data, self._make, self._room = study, data, make, room
        self._held: list[TrainingContext] = []  # the one used last at the end

    def of(self, factors: Factors) -> TrainingContext:
        """The context of a configuration. Raises `AblateError` if its examples cannot be loaded or compared."""
        found = next((context for context in self._held if is_made_for(context.data, factors)), None)
        if found is None:
            data = self._data
            if not is_made_for(data, factors):
                with settings_kept(f"data.name: {self._study.data.name}"):
                    data = open_variant(self._study, self._data, factors)
            self._make_room()
            found = self._make(data)
            found.others = self.of
        self._held = [*(context for context in self._held if context is not found), found]
        return found

    def _make_room(self) -> None:
        """Drop the contexts not used for longest, so that one more fits."""
        self._held = self._held[-(MOST_HELD - 1) :]
        total = max((context.placement.total for context in self._held), default=0)
        while self._room.n_bytes and self._held and self._resident() + total > SHARE * self._room.n_bytes:
            del self._held[0]
        gc.collect()  # reference cycles of a dropped context hold its examples

    def _resident(self) -> int:
        return sum(context.placement.total for context in self._held if not context.placement.is_streamed)
