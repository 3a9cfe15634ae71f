"""The user's function of a study whose [model] has `train`: what it lists, and its arguments for a trial."""

import inspect
from collections.abc import Collection, Mapping
from typing import final

from ablate.errors import StudyError
from ablate.study.listed_arguments import Arguments, listed_arguments, listed_names
from ablate.study.looked_up import LookedUp
from ablate.study.settings import StudySettings
from ablate.study.user_functions import named_function
from ablate.text import listed


@final
class UserTrain:
    """A function that gets whatever it lists of a trial's values and factors; **kwargs take the other factors."""

    def __init__(self, study: StudySettings) -> None:
        self._model, self._study = study.model, study
        self._function = named_function(study, study.model.name, setting="model.train")
        self._listed = listed_names(self._function)

    @property
    def who(self) -> str:
        """Its name, for messages."""
        return self._model.name

    def lists(self, name: str) -> bool:
        """Whether a value of this name is one of its arguments; a wrapper that lists none takes all."""
        return name in self._listed.names or (self._listed.takes_all and not self._listed.names)

    def check(self, *, of_data: Collection[str]) -> None:
        """Raise `StudyError` if it lists what nothing is known for, or does not get a factor that varies.

        `of_data` are the factors that the examples depend on.
        """
        self._check_kind()
        names = ["seed", "report", "test", "epochs", "folder", *(["data"] if self._study.data.name else [])]
        self._arguments(dict.fromkeys(names), LookedUp(self._study.baseline))
        if self.lists("factors") or self._listed.takes_all:
            return
        unread = [name for name in self._study.space.dimensions if not self.lists(name) and name not in of_data]
        if unread:
            what, its = ("factor", "its") if len(unread) == 1 else ("factors", "their")
            raise StudyError(
                f"model.train: {self.who} does not get the {what} {listed(unread)}, so {its} levels would change "
                f"nothing\n  list {listed(unread)} among its arguments, or factors for all of them"
            )

    def _check_kind(self) -> None:
        """Refuse what only begins when it is called."""
        of_kinds = {
            "is async": inspect.iscoroutinefunction(self._function) or inspect.isasyncgenfunction(self._function),
            "is a generator": inspect.isgeneratorfunction(self._function),
        }
        for kind, holds in of_kinds.items():
            if holds:
                raise StudyError(
                    f"model.train: {self.who} {kind}, so calling it trains nothing\n"
                    "  write a plain function that trains, calls report(…) at each step and returns its result"
                )

    def call(self, values: Mapping[str, object], factors: LookedUp) -> object:
        """Call it with values by name and a configuration, which notes what is read of it."""
        arguments = self._arguments(values, factors)
        return self._function(*arguments.positional, **arguments.named)

    def _arguments(self, values: Mapping[str, object], factors: LookedUp) -> Arguments:
        by_name = {name: level for name, level in dict.items(factors) if self.lists(name)}
        rest: dict[str, object] = {}
        if self._listed.takes_all and not self._listed.names:  # a wrapper: it passes on what the wrapped one lists
            factors.names.update(dict.keys(factors))
            return Arguments((), {**by_name, "factors": factors, **values, **self._model.options})
        if self._listed.takes_all and not self.lists("factors"):
            rest = {name: level for name, level in dict.items(factors) if name not in by_name}
        factors.names.update((*by_name, *rest))
        offered = {**by_name, "factors": factors, **values}
        options = {**rest, **self._model.options}
        return listed_arguments(self._function, offered, options, what=self.who, table="model", key="train")
