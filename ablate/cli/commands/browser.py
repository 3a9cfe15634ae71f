"""Open the report of a study in the browser, as soon as there is one."""

import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import final

from ablate.experiment.events import Event, Notice, ReportWritten
from ablate.interface.display.progress import Display

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")  # one of them is set where a Unix session can show a page


@final
class InBrowser:
    """A display that also opens the report when it is first written, or says that there is no browser."""

    def __init__(self, display: Display, *, browse: Callable[[str], bool] = webbrowser.open) -> None:
        self._display, self._browse = display, browse
        self.has_tried = False

    def __call__(self, event: Event) -> None:
        """Show the event; open the first report, on a thread of its own, as a browser may take its time to answer."""
        self._display(event)
        if isinstance(event, ReportWritten) and not self.has_tried:
            self.has_tried = True
            Thread(target=self._open, args=(event.path,), name="browser", daemon=True).start()

    def close(self) -> None:
        """Restore the terminal."""
        self._display.close()

    def _open(self, path: Path) -> None:
        if why := open_page(path, browse=self._browse):
            self._display(Notice(why))


def open_page(path: Path, *, browse: Callable[[str], bool] = webbrowser.open) -> str:
    """Open a file in the browser; where there is none, a line that says where the file is, else ""."""
    path = path.resolve()
    try:
        is_shown = has_screen(os.environ, sys.platform) and browse(path.as_uri())
    except Exception:  # whatever a browser does, the study goes on
        is_shown = False
    return "" if is_shown else f"there is no browser here to open the report in: it is {path}"


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser could show a page: always on Windows and macOS, elsewhere if the session has a screen.

    Without one, a browser for terminals would take the terminal from the study.
    """
    return platform in ("win32", "darwin") or any(environment.get(name) for name in SCREENS)
