"""Say in messages which argument of a call does what an option of the command line does."""

import inspect
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ablate.errors import AblateError

_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")
_FLAGS = {"fresh": "fresh=True", "continue": "continue_=True", "retry": "retry=True", "no-cache": "cache=False"}


_QUOTED = re.compile(r'("[^"\n]*")')


@contextmanager
def told_as_arguments(call: Callable[..., Any]) -> Iterator[None]:  # Any: whatever it returns
    """Name in an error inside the block the arguments of `call` that stand for options of the command line.

    They replace the options in the lines that say the way out. For others, as in a program's command line, a note says
    them.
    """
    try:
        yield
    except AblateError as err:
        known = inspect.signature(call).parameters
        first, *advice = str(err).split("\n")
        err.args = ("\n".join([first, *(_in_arguments(line, known) for line in advice)]),)
        said = [argument for option in _OPTION.findall(str(err)) if (argument := _argument(option, known))]
        if said:
            err.add_note(f"as arguments of {call.__name__}: {', '.join(dict.fromkeys(said))}")
        raise


def _argument(option: str, known: Collection[str]) -> str:
    """The argument that stands for an option; "" if the call has none."""
    found = _FLAGS.get(option, f"{option.replace('-', '_')}=…")
    return found if found.partition("=")[0] in known else ""


def _in_arguments(line: str, known: Collection[str]) -> str:
    """A line with arguments in the place of options, except in "quotes" and in command lines."""
    if "$ " in line:
        return line
    parts = _QUOTED.split(line)
    return "".join(
        part if place % 2 else _OPTION.sub(lambda found: _argument(found[1], known) or found[0], part)
        for place, part in enumerate(parts)
    )
