"""A function that a script or a notebook hands over, where a study file names one in a file."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ablate.errors import explained


@dataclass(frozen=True, slots=True)
class GivenFunction:
    """A function, what is known of its code, and its pickle for worker processes.

    The pickle is made by the process that runs the study, and read by the workers that this process starts; it is
    written into no file.
    """

    name: str  # stands for it in the study, as "train.py:build"
    shown: str  # for messages: "build (defined in train.py)"
    digest: str  # of what it does, with everything of the user's that it refers to; hexadecimal
    arguments: tuple[str, ...] = ()  # that it lists
    names: frozenset[str] = frozenset()  # functions, methods and modules that its code names
    imported: frozenset[str] = frozenset()  # top-level modules that it uses, without those that the digest covers
    opaque: tuple[str, ...] = ()  # values that it refers to and that no digest covers
    call: Callable[..., Any] | None = field(default=None, compare=False, repr=False)  # Any: the user's
    callbacks: Callable[..., Any] | None = field(default=None, compare=False, repr=False)  # the one beside a `build`
    pickled: bytes = field(default=b"", compare=False, repr=False)  # of the pair (call, callbacks)

    def __reduce__(self) -> tuple[Any, ...]:  # Any: the protocol of pickle
        """Sent to a worker, the function travels in its pickle, which is read where it is needed."""
        kept = (self.name, self.shown, self.digest, self.arguments, self.names, self.imported, self.opaque)
        return GivenFunction, (*kept, None, None, self.pickled)

    def loaded(self, *, setting: str) -> "GivenFunction":
        """With the function itself, which is unpickled in a worker. Raises `StudyError`."""
        if self.call is not None:
            return self
        place = f"{setting}: {self.shown} cannot be loaded in a worker process"
        call, callbacks = explained(lambda: pickle.loads(self.pickled), place)
        return replace(self, call=call, callbacks=callbacks)
