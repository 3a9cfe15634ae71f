"""Refer to the model of a study: a registered model of this package, or a function in a user's file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ablate.study.given_functions import GivenFunction
from ablate.study.trial import Level


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by its registered name, or by a user's function; made once, when a study is read.

    The digest of a user's code is no field: a file may change while a study runs, so every process that imports it
    reads its own (`code_digest`).
    """

    registered: str | None  # None: a user's model
    file: str = ""  # path of a user's model, relative to the study file
    function: str = ""  # name of the function in that file
    options: Mapping[str, Level] = field(default_factory=dict)  # further arguments of that function
    given: GivenFunction | None = None  # the function itself, where a script hands it over; the file is not read then

    @classmethod
    def of(
        cls, name: str, options: Mapping[str, Level] | None = None, *, given: GivenFunction | None = None
    ) -> "ModelRef":
        """The model that a study file or a record names: "mlp", or "my_models.py:build"."""
        file, colon, function = name.rpartition(":")
        return cls(None, file, function, options or {}, given) if colon else cls(name, options=options or {})

    @property
    def is_users(self) -> bool:
        """Whether a function in a user's file builds the model."""
        return self.registered is None

    @property
    def name(self) -> str:
        """The name of the model in the study file."""
        return f"{self.file}:{self.function}" if self.registered is None else self.registered

    def ingredients(self) -> list[object]:
        """The part of it that enters a digest, as JSON: its name, and its options sorted by name."""
        return [self.name, sorted(self.options.items())]
