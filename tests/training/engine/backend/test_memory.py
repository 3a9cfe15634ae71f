import pytest

from ablate.training.engine.backend.memory import is_short_of_memory


def caused(message):
    err = ValueError("the trial failed")
    err.__cause__ = RuntimeError(message)
    return err


@pytest.mark.parametrize(
    ("err", "is_short"),
    [
        (MemoryError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: 9 bytes"), True),
        (caused("CUDA out of memory"), True),
        (caused("another reason"), False),
        (ValueError("out of memory"), False),  # a kind whose messages are not read
    ],
)
def test_kinds_messages_and_causes_tell(err, is_short):
    assert is_short_of_memory(err, always=(MemoryError,), by_message=(RuntimeError,)) == is_short


def test_an_error_that_is_its_own_cause_ends():
    err = RuntimeError("again")
    err.__cause__ = err
    assert not is_short_of_memory(err, always=(MemoryError,), by_message=(RuntimeError,))
