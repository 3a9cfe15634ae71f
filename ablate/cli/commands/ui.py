"""`ablate ui`: serve MLflow's web pages."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address

from rich.console import Console

from ablate.cli.commands import DONE
from ablate.interface.display.stream import say
from ablate.system import on_stop_signal
from ablate.tracking import UI_ENVIRONMENT, experiment_pages, ui_command

OPEN = "Warning: anyone who reaches this address can read, change and delete the runs: there is no password."
LEAVE_SECONDS = 5.0  # for the server to shut down before it is killed


def run(uri: str, *, host: str, port: int) -> int:
    """Run MLflow's server until a signal stops it; return its exit code. MLflow's own host checks are on."""
    command = ui_command(uri, host=host, port=port)
    lines = [*opening_lines(host, port), *page_lines(host, port, experiment_pages(uri))]
    say(Console(highlight=False), lines, soft_wrap=True)
    return serve(command)


def serve(command: list[str]) -> int:
    """Run a server until it exits or this process gets a signal; then end it with all its children."""
    asked = threading.Event()
    with on_stop_signal(asked.set):
        # A session of its own: the server starts children, which can only be reached through their process group.
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
    """The address, and a warning if other machines can reach it."""
    return [f"{_address(host, port)}   Ctrl-C stops", *([] if is_own_machine(host) else [OPEN])]


def page_lines(host: str, port: int, pages: Mapping[str, str]) -> list[str]:
    """The address of each experiment's runs: MLflow opens its own list of experiments with pages for agents."""
    width = max(map(len, pages), default=0)
    return [f"{name:<{width}}  {_address(host, port)}{page}" for name, page in pages.items()]


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_own_machine(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a host name: its addresses are unknown
        return False


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Terminate the server's whole process group and wait; kill processes that do not exit."""
    _signal(server, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        server.wait(timeout=LEAVE_SECONDS)
    _signal(server, getattr(signal, "SIGKILL", signal.SIGTERM))
    server.wait()


def _signal(server: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # no process is left
        if hasattr(os, "killpg"):
            os.killpg(server.pid, number)
        else:
            server.terminate()
