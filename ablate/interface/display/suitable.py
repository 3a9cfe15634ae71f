"""Choose the display of a study that a script or a notebook runs."""

import sys
from importlib import import_module
from typing import Any, final

from rich.console import Console

from ablate.experiment.events import Event
from ablate.interface.display.display import make_display
from ablate.interface.display.notebook import NotebookDisplay
from ablate.interface.display.progress import Beside, Display


@final
class Quiet:
    """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def suitable_display() -> Display:
    """An output below the cell in a notebook; else, as on the command line, live on a terminal or plain lines."""
    if in_notebook():
        return Beside(NotebookDisplay(CellOutput()))
    return make_display(as_json=False, console=Console(highlight=False))


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; nothing is imported."""
    return getattr(shell(), "kernel", None) is not None


def shell() -> Any:  # Any: IPython's shell, if this process has one
    """The interactive shell that IPython runs; None without one."""
    found = sys.modules.get("IPython")
    return found.get_ipython() if found is not None else None


def show_figures(kind: type) -> None:
    """Let a notebook show figures of matplotlib as pictures, where nothing has been set for them yet."""
    if not in_notebook():
        return
    formatter = shell().display_formatter.formatters["image/png"]
    try:
        formatter.lookup_by_type(kind)
    except KeyError:
        import_module("IPython.core.pylabtools").select_figure_formats(shell(), {"png"})


@final
class CellOutput:
    """An output below the cell that runs."""

    def __init__(self) -> None:
        display = import_module("IPython.display").display
        self._handle: Any = display({"text/plain": ""}, raw=True, display_id=True)  # Any: of IPython

    def update(self, html: str, text: str) -> None:
        """Show this instead of what was shown."""
        self._handle.update({"text/html": html, "text/plain": text}, raw=True)
