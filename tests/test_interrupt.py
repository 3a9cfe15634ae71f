import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ablate.system import SIGNALS, on_stop_signal

# Says what happens to it, a line each.
SCRIPT = """
import signal, sys, threading, time
from ablate import system
system.BREATH = float(sys.argv[1])
if len(sys.argv) > 2:
    signal.signal(getattr(signal, sys.argv[2]), signal.SIG_IGN)
lock = threading.Lock()
def stop():
    with lock:  # as printing would: the main thread holds it
        print("stop", flush=True)
try:
    with system.on_stop_signal(stop):
        print("ready", flush=True)
        while True:
            with lock:
                time.sleep(0.02)
            time.sleep(0.001)
except KeyboardInterrupt:
    print("at once", flush=True)
    sys.exit(130)
"""


class Child:
    def __init__(self, breath: float, *ignored: str):
        command = [sys.executable, "-c", SCRIPT, str(breath), *ignored]
        self.process = subprocess.Popen(command, stdout=-1, text=True)
        assert self.says() == "ready"

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.process.send_signal(number)

    def says(self) -> str:
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        self.process.kill()
        self.process.stdout.close()
        return self.process.wait()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops_and_the_second_ends_at_once(second):
    child = Child(0.0)
    child.send(signal.SIGTERM)
    assert child.says() == "stop"
    child.send(second)
    assert child.says() == "at once"
    assert child.process.wait() == 130
    child.end()


def test_what_a_machine_says_twice_in_one_breath_is_one_request_and_a_persons_second_ctrl_c_is_not():
    child = Child(60.0)
    child.send(signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    assert child.says() == "stop"
    child.send(signal.SIGHUP)
    time.sleep(0.2)
    assert child.process.poll() is None
    child.send(signal.SIGINT)
    assert child.says() == "at once"
    assert child.process.wait() == 130
    child.end()


def test_an_ignored_signal_stays_ignored():
    child = Child(0.0, "SIGHUP")  # as under nohup
    child.send(signal.SIGHUP, signal.SIGHUP)
    time.sleep(0.2)
    assert child.process.poll() is None
    child.send(signal.SIGINT)
    assert child.says() == "stop"
    child.end()


def test_signals_are_handled_by_a_thread_inside_and_as_before_after():
    before, calls, called = [signal.getsignal(number) for number in SIGNALS], [], threading.Event()

    def stop():
        calls.append(threading.current_thread().name)
        called.set()

    with on_stop_signal(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert called.wait(5)
        os.kill(os.getpid(), signal.SIGTERM)  # within a breath
    assert calls == ["stop"]
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert "stop" not in {thread.name for thread in threading.enumerate()}


def test_another_thread_leaves_the_signals_alone():
    handlers = []

    def run():
        with on_stop_signal(lambda: None):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
