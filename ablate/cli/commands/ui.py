"""`ablate ui`: MLflow's web pages."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from ipaddress import ip_address

from rich.console import Console

from ablate.cli.commands import DONE
from ablate.cli.display.stream import say
from ablate.system import on_stop_signal
from ablate.tracking import UI_ENVIRONMENT, ui_command

OPEN = "Warning: anyone who reaches this address can read, change and delete the runs: there is no password."
LEAVE_SECONDS = 5.0  # for the server to end by itself


def run(uri: str, *, host: str, port: int) -> int:
    """Run MLflow's server until a signal asks it to end; its exit code. MLflow's own checks of hosts are on."""
    command = ui_command(uri, host=host, port=port)
    say(Console(highlight=False), opening_lines(host, port))
    return serve(command)


def serve(command: list[str]) -> int:
    """Run a server until it ends, or until this process is asked to; then it ends with all its children."""
    asked = threading.Event()
    with on_stop_signal(asked.set):
        # A session of its own: the server starts others, which are reached by their group, and by nothing else.
        server = subprocess.Popen(command, env=os.environ | UI_ENVIRONMENT, start_new_session=True)
        try:
            while not asked.is_set():
                with suppress(subprocess.TimeoutExpired):
                    return server.wait(timeout=0.2)
            return DONE
        except KeyboardInterrupt:
            return DONE
        finally:
            _end(server)


def opening_lines(host: str, port: int) -> list[str]:
    """The address, and a warning where more than this machine can reach it."""
    shown = f"[{host}]" if ":" in host else host
    return [f"http://{shown}:{port}   Ctrl-C stops", *([] if is_own_machine(host) else [OPEN])]


def is_own_machine(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name: nobody knows which addresses it has
        return False


def _end(server: "subprocess.Popen[bytes]") -> None:
    """End the server's whole group, and wait for it; those that do not leave are killed."""
    _signal(server, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        server.wait(timeout=LEAVE_SECONDS)
    _signal(server, getattr(signal, "SIGKILL", signal.SIGTERM))
    server.wait()


def _signal(server: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # none of them is left
        if hasattr(os, "killpg"):
            os.killpg(server.pid, number)
        else:
            server.terminate()
