"""Read the learning-rate range tests of a study's folder, checked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ablate.storage.files.json_file import Scale, Size, read_json, to_records
from ablate.storage.results import LARGEST
from ablate.study.trial import RateTest


@dataclass(frozen=True, slots=True)
class _LabelledTest:
    """A range test as it stands in its file, under the name used in the effects."""

    label: str
    key: str
    rates: Sequence[Scale]
    losses: Sequence[float | None]
    rules: Mapping[str, Scale | None]
    suggestion: Scale
    verdict: Literal["determined", "undetermined"]
    reason: str
    seconds: Size

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.losses):
            raise ValueError(f"{len(self.rates):,} rates, but {len(self.losses):,} losses")

    def to_record(self) -> RateTest:
        """The range test; losses too large for any figure are not numbers."""
        losses = [loss if loss is not None and abs(loss) <= LARGEST else math.nan for loss in self.losses]
        known = {name: getattr(self, name) for name in RateTest.__slots__}
        return RateTest.from_json(known | {"losses": losses})


def read_rate_tests(path: Path) -> list[tuple[str, RateTest]]:
    """The range tests by label; none without the file. Raises `DataError` at the first invalid test."""
    tests = to_records(read_json(path, otherwise=[]), _LabelledTest, place=path)
    return [(test.label, test.to_record()) for test in tests]
