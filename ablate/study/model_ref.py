"""Refer to what a trial of a study is: a registered model, a user's function, or any program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ablate.study.catalog import OWN_TRIAL
from ablate.study.given_functions import GivenFunction
from ablate.study.trial import Level

# What a study's [model] is: a function that builds a network for this package to train, a function that trains by
# itself, or the command line of a program that does.
TrialRole: TypeAlias = Literal["build", "train", "command"]
_PROMPT = "$ "  # before the command line of a program, in its name


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by its registered name, or by a user's function; made once, when a study is read.

    Of the role "train" the function trains a trial by itself; of the role "command" a program does.

    The digest of a user's code is no field: a file may change while a study runs, so every process that imports it
    reads its own (`code_digest`).
    """

    registered: str | None  # None: a user's model
    file: str = ""  # path of a user's model, relative to the study file
    function: str = ""  # name of the function in that file
    options: Mapping[str, Level] = field(default_factory=dict)  # further arguments of that function
    role: TrialRole = "build"
    command: str = ""  # of the role "command": the command line with its {placeholders}
    given: GivenFunction | None = None  # the function itself, where a script hands it over; the file is not read then

    @classmethod
    def of(
        cls, name: str, options: Mapping[str, Level] | None = None, *, given: GivenFunction | None = None
    ) -> "ModelRef":
        """The model that a study file or a record names: "mlp", "my_models.py:build", or "$ python train.py"."""
        if name.startswith(_PROMPT):
            return cls(None, role="command", command=name.removeprefix(_PROMPT))
        file, colon, function = name.rpartition(":")
        return cls(None, file, function, options or {}, given=given) if colon else cls(name, options=options or {})

    @property
    def is_users(self) -> bool:
        """Whether it is code of the user's."""
        return self.registered is None

    @property
    def trains_itself(self) -> bool:
        """Whether the user's function or program trains, not this package."""
        return self.role != "build"

    @property
    def catalog_name(self) -> str:
        """The name under which the catalog knows the factors of the model; OWN_TRIAL where every factor is free."""
        return OWN_TRIAL if self.trains_itself else self.name

    @property
    def name(self) -> str:
        """The name of the model in the study file; of a program its command line, as after a prompt."""
        if self.role == "command":
            return f"{_PROMPT}{self.command}"
        return f"{self.file}:{self.function}" if self.registered is None else self.registered

    def ingredients(self) -> list[object]:
        """The part of it that enters a digest, as JSON: its name, and its options sorted by name."""
        role = [self.role] if self.trains_itself else []
        return [self.name, sorted(self.options.items()), *role]
