"""Stop signals, second processes and changed study files, put in while a study runs or between two of its runs."""

import os
import platform
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from survival.acts import DONE, INTERRUPTED, WRONG, ended, goes_on, midway, tables_are_there
from survival.kills import check_site
from survival.runs import Run, kill, processes
from survival.studies import Wholes, make_site

# Stop signals


def ctrl_c(root: Path, wholes: Wholes) -> list[str]:
    """Ctrl-C reaches the whole foreground group: saved, with tables and report, and resumed."""
    return _stopped(root, wholes, lambda run: os.killpg(run.process.pid, signal.SIGINT), codes=(INTERRUPTED,))


def ctrl_c_twice(root: Path, wholes: Wholes) -> list[str]:
    """The second one does not wait for the running epochs."""
    with make_site(root) as site:
        with site.run() as run:
            midway(run)
            os.killpg(run.process.pid, signal.SIGINT)
            run.wait_until(lambda: run.seen("stopping"), timeout=10)
            os.killpg(run.process.pid, signal.SIGINT)
            began = time.monotonic()
            said = ended(run, (INTERRUPTED,), clear=False)
            if (waited := time.monotonic() - began) > 10:
                said.append(f"the second Ctrl-C took {waited:.0f} s")
        return said + goes_on(site, wholes)


def sigterm(root: Path, wholes: Wholes) -> list[str]:
    """SIGTERM to the process alone, as systemd and kill send it."""
    return _stopped(root, wholes, lambda run: run.process.terminate(), codes=(INTERRUPTED, 128 + signal.SIGTERM))


def sigterm_to_all(root: Path, wholes: Wholes) -> list[str]:
    """SIGTERM to all its processes, as a cluster's scheduler sends it."""

    def stop(run: Run) -> None:
        os.killpg(run.process.pid, signal.SIGTERM)

    return _stopped(root, wholes, stop, codes=(INTERRUPTED, 128 + signal.SIGTERM))


def terminal_closed(root: Path, wholes: Wholes) -> list[str]:
    """The window with the live display is closed: SIGHUP to the whole group, and nobody to write to."""
    import pty

    with make_site(root) as site:
        ours, theirs = pty.openpty()
        command = site.command()
        # A session of its own that opens the terminal makes it its own.
        open_it = (
            f"import os, sys; os.close(os.open({os.ttyname(theirs)!r}, os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])"
        )
        process = subprocess.Popen(
            [command[0], "-c", open_it, *command], cwd=root, env=site.whole_environment(), stdin=theirs, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        closed = threading.Event()
        reader = threading.Thread(target=_read_all, args=(ours, closed), daemon=True)
        reader.start()
        try:
            journal = site.folder / "trials.jsonl"
            _wait_for(lambda: journal.exists() and len(site.settled()) >= 5, process)
            closed.set()
            reader.join(5)
            others = [pid for pid in processes(root) if pid != process.pid]
            os.close(ours)  # the system tells the first process of the session, and a shell all of its jobs
            kill(others, signal.SIGHUP)
            code = process.wait(120)
        finally:
            process.kill()
            process.wait()
        said = [] if code in (INTERRUPTED, 128 + signal.SIGHUP) else [f"ended with {code} when its terminal was closed"]
        return [*said, *tables_are_there(site), *goes_on(site, wholes)]


# Two processes, another study file


def second_refused(root: Path, wholes: Wholes) -> list[str]:
    """A second process on the same study is refused, with the first one's pid and host, and disturbs nothing."""
    with make_site(root) as site:
        with site.run() as first:
            first.wait_until(lambda: first.seen("trial_began"))
            with site.run() as second:
                said = ended(second, (WRONG,), words=(str(first.process.pid),))
                if platform.node() not in second.errors():
                    said.append(f"the message does not say the host: {second.errors()}")
            said += ended(first, (DONE,), clear=False)
        return said + check_site(site, wholes.of("small"))


def study_changed(root: Path, wholes: Wholes) -> list[str]:
    """Another study file on resume is refused with the exact difference; the old one goes on."""
    with make_site(root) as site:
        with site.run() as run:
            midway(run)
            run.process.send_signal(signal.SIGINT)
            said = ended(run, (INTERRUPTED,), clear=False)
        with site.run("--set", "training.epochs=4") as run:
            said += ended(run, (WRONG,), words=("training.epochs 3 → 4",))
            if "--fresh" not in run.errors():
                said.append(f"the message does not say the way out: {run.errors()}")
        with site.run("--set", "training.epochs=4", "--continue") as run:
            said += ended(run, (WRONG,), words=("training.epochs",))  # no finished trial would be a result of it
        return said + goes_on(site, wholes)


def continued(root: Path, wholes: Wholes) -> list[str]:
    """A change that leaves finished trials valid is gone on with by --continue, and by nothing less."""
    with make_site(root) as site:
        with site.run() as run:
            midway(run, 2)  # before anything is declared
            run.process.send_signal(signal.SIGINT)
            said = ended(run, (INTERRUPTED,), clear=False)
        more = ("--set", "ablation.seeds=4")
        with site.run(*more) as run:
            said += ended(run, (WRONG,), words=("ablation.seeds 3 → 4",))
        with site.run(*more, "--continue") as run:
            said += ended(run, (DONE,), clear=False)
        return said + check_site(site, wholes.of("longer"))


# What they share


def _stopped(root: Path, wholes: Wholes, stop: Callable[[Run], None], *, codes: Collection[int]) -> list[str]:
    with make_site(root) as site:
        with site.run() as run:
            midway(run)
            stop(run)
            said = ended(run, codes, clear=False)
        return [*said, *tables_are_there(site), *goes_on(site, wholes)]


def _wait_for(happened: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + 300
    while not happened():
        assert process.poll() is None, f"it ended before, with {process.returncode}"
        assert time.monotonic() < give_up, "it hangs"
        time.sleep(0.05)


def _read_all(terminal: int, closed: threading.Event) -> None:
    """What a terminal does: take whatever is written, until it is closed."""
    import select

    while not closed.is_set():
        if select.select([terminal], [], [], 0.1)[0]:
            with suppress(OSError):
                os.read(terminal, 65536)
