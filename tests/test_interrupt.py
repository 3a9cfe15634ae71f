import os
import signal
import threading

from ablate.interrupt import on_stop_signal


def test_both_signals_are_handled_inside_and_as_before_after():
    before, calls = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], []
    with on_stop_signal(lambda: calls.append("stop")):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert calls == ["stop", "stop"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_leaves_the_signals_alone():
    handlers = []

    def run():
        with on_stop_signal(lambda: None):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
