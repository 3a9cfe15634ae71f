"""Run a program, and end it together with every process that it started.

A script of its own, started by a worker: python -I -S supervisor.py STATUS GRACE PROGRAM WORD…

It ends the program when a byte comes on its standard input, and when that closes, as it does with the worker's life:
first by SIGTERM, then after GRACE seconds by SIGKILL. Once the program is gone, the processes that it left behind are
killed at once. Then a line on the descriptor STATUS says how it ended: "exit 0", "signal 9" or "error 2", the last an
error number of the system where it could not be started, and after it the number of processes that cannot be killed.

Imports as little as possible: a trial waits for it.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
IGNORED = ("SIGINT", "SIGTERM", "SIGHUP")  # by this process: the worker decides when the program ends
HELPLESS_SECONDS = 10.0  # after which processes that SIGKILL does not end are left: in a driver, or another user's


def main() -> None:
    """Run the program of the command line."""
    status, grace, words = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(status, False)
    for name in IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent below this process becomes its child, not init's
    ended, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    family = Family(_start(words, status), ended)
    family.wait_for_word()
    if not family.is_over:
        family.send(signal.SIGTERM)
        family.wait(grace)
    left = family.kill()
    os.write(status, f"{family.end} {left}\n".encode())


def _start(words: list[str], status: int) -> int:
    """The process id of the program, in a session of its own; this process keeps none of its pipes open."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            for number in (*(getattr(signal, name) for name in IGNORED), signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            _to_null(0)
            os.execve(words[0], words, os.environ)
        except OSError as err:
            os.write(status, f"error {err.errno} 0\n".encode())
        finally:
            os._exit(127)
    for descriptor in (1, 2):
        _to_null(descriptor)
    return pid


def _to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Family:
    """The program and all that descends from it; `ended` is readable when a child of this process has ended."""

    def __init__(self, program: int, ended: int) -> None:
        self._program, self._ended = program, ended
        self._has_children = True
        self.end = ""  # how the program ended, as the status line says it

    @property
    def is_over(self) -> bool:
        """Whether the program has ended."""
        return bool(self.end)

    def wait_for_word(self) -> None:
        """Wait until the program has ended or must end."""
        while not self.is_over:
            readable, _, _ = select.select([0, self._ended], [], [])
            self._reap()
            if 0 in readable:
                return

    def wait(self, seconds: float) -> None:
        """Wait until no process is left, at most for these seconds."""
        deadline = time.monotonic() + seconds
        while self._has_children and (left := deadline - time.monotonic()) > 0:
            select.select([self._ended], [], [], min(left, 0.1))
            self._reap()

    def send(self, number: int) -> None:
        """Send a signal to every process, stopped ones too."""
        for target in self._targets():
            _send(target, number)
            _send(target, signal.SIGCONT)

    def kill(self) -> int:
        """Kill every process until none is left. Returns how many could not be killed."""
        deadline = time.monotonic() + HELPLESS_SECONDS
        self._reap()
        if sys.platform != "linux":
            _send(-self._program, signal.SIGKILL)
        while self._has_children:
            for target in self._targets():
                _send(target, signal.SIGKILL)
            self.wait(0.02)
            if time.monotonic() > deadline:
                return sum(target > 0 for target in self._targets())
        return 0

    def _reap(self) -> None:
        """Take the ends of children, whoever was their parent before."""
        try:
            while os.read(self._ended, 4096):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._has_children = False
                return
            if pid == 0:
                return
            if pid == self._program:
                code = os.waitstatus_to_exitcode(status)
                self.end = f"exit {code}" if code >= 0 else f"signal {-code}"

    def _targets(self) -> set[int]:
        """The processes, and as negative numbers their groups: in a group, none escapes by forking and ending."""
        if sys.platform != "linux":
            return {-self._program}  # what has left the group cannot be found
        children: dict[int, list[tuple[int, int]]] = {}
        for pid, parent, group in _processes():
            children.setdefault(parent, []).append((pid, group))
        found, waiting = set(), [os.getpid()]
        while waiting:
            own = children.get(waiting.pop(), [])
            waiting += [pid for pid, _ in own]
            found |= {pid for pid, _ in own} | {-group for _, group in own}
        return found - {-os.getpgrp()}


def _processes() -> Iterator[tuple[int, int, int]]:
    """All processes that have not ended, each with its parent and its group."""
    for name in os.listdir("/proc"):  # noqa: PTH208  # importing pathlib would double the time of a start
        if name.isdigit() and (facts := _facts(f"/proc/{name}/stat")) and facts[0] != b"Z":
            yield int(name), int(facts[1]), int(facts[2])


def _facts(path: str) -> list[bytes]:
    """State, parent and group of a process; empty if it is gone."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            return file.read().rpartition(b")")[2].split()[:3]
    except OSError:
        return []


def _send(pid: int, number: int) -> None:
    try:  # noqa: SIM105  # importing contextlib takes 10 ms
        os.kill(pid, number)
    except OSError:  # gone, or another user's
        pass


if __name__ == "__main__":
    main()
