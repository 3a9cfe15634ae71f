"""Doors of the program for bad and hostile input, and whether one refuses an example in plain words.

A door returns where it takes an example, and raises what the program raises. The tests here and
`tests/benchmarks/does_it_refuse.py` share it all.
"""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ablate.errors import AblateError
from ablate.text import printable_lines

MOST_LINES, LONGEST_LINE = 5, 6_000  # of a clear message; long lines list names
NASTY = (
    "", " ", "../../outside", "/etc/passwd", "con", "NUL.toml", "a/b", "a\\b", ".", "..", "-x", "~nobody/x.npz",
    "<script>document.title='pwned'</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)",
    "</title></script>", "{{ 7 * 7 }}", "{% for %}", "{0.__class__}", "%s%n", "=cmd|' /C calc'!A0", "@SUM(A1)", "+1+1",
    "\x1b[2J\x1b]0;x\x07", "a\nb", "a\r\nb", "a\tb", "\0", "\u202eabc", "\u2028", "\ufeff", "\ud800", "\U0001f600",
    "x" * 300, "x" * 10_000, "日" * 300, "größe", "研究", "हिन्दी", "[/b]", "[red]x", ":smile:", "'", '"', "`id`",
    "$(id)", "$x_1$", "\\input{x}", "nan", "NaN", "inf", "-inf", "1e308", "-1e308", "1e-320", "1e400", "9" * 400,
    "1_000", "1,234.5", "0,5", "0x10", "١٢", "true", "None", "null", "reference", "best", "find", "find*0", "seed",
    "score", "learning_rate", "learning_rate_setting", "epochs", "a=b", "a=1,b=2", ", b=1", "adam", "-0", "00", "1.0",
)  # fmt: skip
TEXTS = st.sampled_from(NASTY) | st.text(max_size=12)


class Defect(Exception):  # noqa: N818  # it is what it says
    """What a user must never see."""


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: examples of what may come, and the program's answer to one."""

    examples: st.SearchStrategy[Any]  # Any: each door has its own kind
    enter: Callable[[Any, Path], None]  # an example, and an empty folder to work in
    places: tuple[str, ...]  # a clear refusal names one of them


def tried(door: Door, example: Any, folder: Path) -> str:
    """ "accepted" or "refused". Raises `Defect` on any other end, an unclear message, or files outside the folder."""
    work = folder / "outer" / "work"
    work.mkdir(parents=True)
    try:
        with warnings.catch_warnings(action="ignore"):
            door.enter(example, work)
        answer = "accepted"
    except AblateError as err:
        check_message(str(err), door)
        answer = "refused"
    except Exception as err:
        raise Defect(f"{type(err).__name__}: {err}") from err
    strangers = [
        path.name for path in (*folder.iterdir(), *work.parent.iterdir()) if path.name not in ("outer", "work")
    ]
    shutil.rmtree(folder / "outer")
    if strangers:
        raise Defect(f"wrote outside of its folder: {strangers}")
    return answer


def check_message(message: str, door: Door) -> None:
    """Raise `Defect` where a message is empty, too long, names no place, or could steer a terminal."""
    lines = message.splitlines()
    if not message.strip() or len(lines) > MOST_LINES or max(map(len, lines)) > LONGEST_LINE:
        raise Defect(f"a message of {len(lines)} lines: {message[:500]!r}")
    if printable_lines(message) != message:
        raise Defect(f"a message that steers the terminal: {message[:500]!r}")
    if not any(place in message for place in door.places):
        raise Defect(f"a message that names no place: {message[:500]!r}")
