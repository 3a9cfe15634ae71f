"""Say in messages which argument of a call does what an option of the command line does."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ablate.errors import AblateError

_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)")
_FLAGS = {"fresh": "fresh=True", "continue": "continue_=True", "retry": "retry=True", "no-cache": "cache=False"}


@contextmanager
def told_as_arguments(call: Callable[..., Any]) -> Iterator[None]:  # Any: whatever it returns
    """Add to an error inside the block the arguments of `call` that stand for the options that it names."""
    try:
        yield
    except AblateError as err:
        known = inspect.signature(call).parameters
        said = [_FLAGS.get(option, f"{option.replace('-', '_')}=…") for option in _OPTION.findall(str(err))]
        if named := [one for one in dict.fromkeys(said) if one.partition("=")[0] in known]:
            err.add_note(f"as arguments of {call.__name__}: {', '.join(named)}")
        raise
