"""Exceptions of every kind into text: whatever a user's code raises, it can be told."""

import pickle
import signal
import sys

import pytest

from ablate.errors import REASON, TRACE, StudyError, explained, is_ours, reason_of, text_of, trace_of


class Text(str):
    """A string that only its own process knows."""

    __slots__ = ()

    def __format__(self, spec):
        raise RuntimeError("no format")


class HostileError(Exception):
    """An exception whose text is what `says` returns or raises."""

    def __init__(self, says):
        super().__init__()
        self.says = says

    def __str__(self):
        return self.says()


def raised(err: BaseException) -> BaseException:
    """The same with a trace."""
    try:
        raise err
    except BaseException as caught:
        return caught


def exits():
    sys.exit(3)


HOSTILE = [
    (HostileError(lambda: 1 / 0), "HostileError: without a message"),
    (HostileError(exits), "HostileError: without a message"),
    (HostileError(lambda: 5), "HostileError: without a message"),
    (HostileError(lambda: Text("mine")), "HostileError: mine"),
    (HostileError(lambda: "two\nlines\t\x1b[2J\udcff"), r"HostileError: two lines \x1b[2J\udcff"),
    (HostileError(lambda: ""), "HostileError"),
    (SystemExit(3), "SystemExit: 3"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
    (StudyError("model: wrong\n  known: mlp"), "model: wrong known: mlp"),
]


@pytest.mark.parametrize(("err", "reason"), HOSTILE)
def test_a_reason_is_one_printable_line_whatever_was_raised(err, reason):
    err = raised(err)
    assert reason_of(err) == reason
    assert trace_of(err).startswith(("Traceback", reason))
    assert pickle.loads(pickle.dumps([text_of(err), trace_of(err)])) == [text_of(err), trace_of(err)]
    assert {type(text_of(err)), type(reason_of(err)), type(trace_of(err))} == {str}


def test_what_is_too_long_is_cut_and_keeps_its_beginning_and_its_end():
    err = raised(ValueError("begins " + "x" * 5_000_000 + " ends"))
    assert len(reason_of(err)) <= REASON
    trace = trace_of(err)
    assert TRACE <= len(trace) < TRACE + 100
    assert trace.startswith("Traceback")
    assert "characters left out" in trace
    assert trace.endswith(" ends\n")


def test_a_recursion_without_end_is_told_like_any_other_error():
    def deeper():
        return 1 + deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    assert reason_of(caught.value).startswith("RecursionError: maximum recursion depth exceeded")
    assert "deeper" in trace_of(caught.value)


def test_a_trace_that_cannot_be_shown_is_done_without():
    class OddError(Exception):
        @property
        def __notes__(self):
            raise SystemExit(1)

    assert "OddError" in trace_of(raised(OddError("why")))


def test_ctrl_c_is_the_users_where_it_is_not_ignored():
    kept = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        assert is_ours(KeyboardInterrupt())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a worker
        assert not is_ours(KeyboardInterrupt())
    finally:
        signal.signal(signal.SIGINT, kept)


def test_what_ends_a_workers_work_is_none_of_a_trials():
    from ablate.workers.worker import Deserted

    assert is_ours(Deserted())
    assert not is_ours(SystemExit(3))
    assert not is_ours(StudyError("model: wrong"))


def test_what_user_code_raises_is_explained_and_the_packages_own_errors_are_not():
    assert explained(lambda: 3, "a") == 3
    with pytest.raises(StudyError, match=r"^mine\.py fails: SystemExit: 3$"):
        explained(exits, "mine.py fails")
    with pytest.raises(StudyError, match=r"^as it is$"):
        explained(lambda: (_ for _ in ()).throw(StudyError("as it is")), "mine.py fails")
