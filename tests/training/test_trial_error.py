"""Whatever a trial's code raises becomes a failure in words."""

import gc
import weakref

import pytest

from ablate.training.trial_error import TrialError, contained_by


@pytest.mark.parametrize(
    ("err", "state", "reason"),
    [
        (ValueError("no"), "failed", "ValueError: no"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (MemoryError(), "out_of_memory", "MemoryError"),
    ],
)
def test_an_error_or_an_exit_is_contained(err, state, reason):
    def work():
        raise err

    with pytest.raises(TrialError) as caught:
        contained_by(work, lambda err: isinstance(err, MemoryError))
    assert (caught.value.state, caught.value.reason) == (state, reason)
    assert reason.partition(":")[0] in caught.value.trace


def test_the_frames_of_an_error_are_released():
    class Large:
        pass

    kept = []

    def work():
        large = Large()
        kept.append(weakref.ref(large))
        raise ValueError

    with pytest.raises(TrialError):
        contained_by(work, lambda _: False)
    gc.collect()
    assert kept[0]() is None
