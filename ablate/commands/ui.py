"""`ablate ui`: MLflow's web pages."""

import os
import subprocess

from rich.console import Console

from ablate.tracking import UI_ENVIRONMENT, ui_command


def run(uri: str, *, host: str, port: int) -> int:
    """Run MLflow's server until Ctrl-C; its exit code."""
    command = ui_command(uri, host=host, port=port)
    Console(highlight=False).print(f"http://{host}:{port}   Ctrl-C stops", markup=False)
    try:
        return subprocess.run(command, env=os.environ | UI_ENVIRONMENT, check=False).returncode
    except KeyboardInterrupt:
        return 0
