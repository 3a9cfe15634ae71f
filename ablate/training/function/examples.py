"""The data sets and splits behind the trials of a user's function."""

from typing import final

from ablate.data import Dataset, Split, split_dataset
from ablate.data.variants import is_made_for, open_variant
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors
from ablate.training.function.trial_data import TrialData

MOST_HELD = 3  # data sets of other data factors


@final
class SplitExamples:
    """Examples by configuration and seed; `data` are the baseline's. The data sets and the split used last are held."""

    def __init__(self, study: StudySettings, data: Dataset) -> None:
        self._study, self._data = study, data
        self._held = [data]
        self._split: tuple[Dataset, int, Split] | None = None

    @property
    def factors(self) -> frozenset[str]:
        """The factors that the data read."""
        return frozenset(self._data.factors)

    def of(self, factors: Factors, *, replicate: int, test: bool) -> tuple[TrialData, str]:
        """A trial's examples, and the fingerprint of data and split. Raises `AblateError` if there are none."""
        data = self._data_of(factors)
        split = self._split_of(data, replicate)
        is_scaled = self._study.data.scaling != "none"
        return TrialData(data, split, is_scaled=is_scaled, test=test), split.fingerprint

    def _data_of(self, factors: Factors) -> Dataset:
        found = next((data for data in self._held if is_made_for(data, factors)), None)
        if found is None:
            found = open_variant(self._study, self._data, factors)
            self._held = [self._data, *self._held[1:][-(MOST_HELD - 2) :], found]
        return found

    def _split_of(self, data: Dataset, replicate: int) -> Split:
        if self._split is None or self._split[0] is not data or self._split[1] != replicate:
            study = self._study
            split = split_dataset(data, study.data, seed=study.seed, replicate=replicate, scaling=study.data.scaling)
            self._split = data, replicate, split
        return self._split[2]
