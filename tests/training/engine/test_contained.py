import gc
import signal
import weakref

import pytest
from backends import NO_ROOM, internal_error, short_of_memory

from ablate.training.engine.backend import contained
from ablate.training.trial_error import TrialError
from ablate.workers.worker import Deserted


def raising(err):
    def work():
        raise err

    return work


@pytest.mark.parametrize(
    ("err", "state", "reason"),
    [
        (ValueError("no such layer"), "failed", "ValueError: no such layer"),
        (SystemExit(0), "failed", "SystemExit: 0"),
        (short_of_memory(), "out_of_memory", NO_ROOM),
        (MemoryError(), "out_of_memory", "MemoryError"),
        (internal_error("RESOURCE_EXHAUSTED: x"), "out_of_memory", f"{type(internal_error('')).__name__}: RESOURCE"),
    ],
)
def test_whatever_is_raised_leaves_as_one_kind_of_error(err, state, reason):
    with pytest.raises(TrialError) as caught:
        contained(raising(err))
    assert caught.value.state == state
    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == caught.value.reason
    assert "Traceback" in caught.value.trace


def test_what_fills_the_memory_is_let_go():
    class Large:
        pass

    def work():
        large = Large()
        kept.append(weakref.ref(large))
        raise MemoryError

    kept: list[weakref.ref] = []
    with pytest.raises(TrialError) as caught:
        contained(work)
    gc.collect()
    assert kept[0]() is None
    assert caught.value.__context__ is None


def test_an_interrupt_of_user_code_is_contained_and_one_of_the_user_is_not():
    kept = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a worker
        with pytest.raises(TrialError, match="KeyboardInterrupt"):
            contained(raising(KeyboardInterrupt()))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):
            contained(raising(KeyboardInterrupt()))
    finally:
        signal.signal(signal.SIGINT, kept)


def test_the_end_of_a_worker_and_what_was_contained_already_pass():
    with pytest.raises(Deserted):
        contained(raising(Deserted()))
    first = TrialError("out_of_memory", "no room", "Traceback")
    with pytest.raises(TrialError) as caught:
        contained(raising(first))
    assert caught.value is first
    final = first.as_final("out of memory even so: ")
    assert (final.reason, final.is_final, first.is_final) == ("out of memory even so: no room", True, False)
