"""`ablate ui`: MLflow's web pages."""

import os
import subprocess
from ipaddress import ip_address

from rich.console import Console

from ablate.commands.output import say
from ablate.tracking import UI_ENVIRONMENT, ui_command

OPEN = "Warning: anyone who reaches this address can read, change and delete the runs: there is no password."


def run(uri: str, *, host: str, port: int) -> int:
    """Run MLflow's server until Ctrl-C; its exit code. MLflow's own checks of hosts and origins are on."""
    command = ui_command(uri, host=host, port=port)
    say(Console(highlight=False), opening_lines(host, port))
    try:
        return subprocess.run(command, env=os.environ | UI_ENVIRONMENT, check=False).returncode
    except KeyboardInterrupt:
        return 0


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
