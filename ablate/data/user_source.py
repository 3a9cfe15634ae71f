"""Take the examples that a user's function returns: a dict of arrays, or a table."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.data.npz_source import READERS, VALIDATION
from ablate.data.source import Source
from ablate.data.trees import Tree, leaves
from ablate.data.user_arrays import INSTEAD, described, is_stream, is_table, to_array
from ablate.errors import DataError, StudyError, explained, known_names
from ablate.study.data_factors import DataFactors, data_factors
from ablate.study.data_table import BALANCED
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Data
from ablate.study.user_functions import import_function, load_given
from ablate.text import listed, printable

KNOWN = ("factors", "seed")  # what a function may list
_PARTS = ("train", "test", "validation")
_EXAMPLE = 'return {"x_train": x, "y_train": y}, with "x_test" and "y_test" if there is a test part'


def load_from_function(
    settings: Data,
    *,
    base: Path,
    seed: int,
    loss: str | None,
    factors: DataFactors | None = None,
    given: GivenFunction | None = None,
) -> Source:
    """The examples that the function data.name returns: `given` by a script, or in a file in the folder `base`.

    It is called with what it lists of `KNOWN`, and `factors` note which it reads. Memory-mapped arrays stay what they
    are. Raises `StudyError` and `DataError`.
    """
    factors = factors or data_factors({}, model="")
    named = ModelRef.of(settings.name)
    if given is None:
        function = import_function(base / named.file, named.function, setting="data.name")
    else:
        function, _ = load_given(given, setting="data.name")
    origin = printable(given.shown if given else named.name, 300)
    arguments = _arguments(function, origin=origin, offered={"seed": seed, "factors": factors.given})
    try:
        returned = explained(lambda: function(**arguments), f"data.name: {origin} failed")
    except StudyError:
        _check_reserved(factors, origin=origin)
        raise
    _check_reserved(factors, origin=origin)
    if is_table(returned):
        from ablate.data.table import table_source  # needs pandas, which is slow to import

        return table_source(returned, settings, loss=loss, origin=origin)
    for field in ("target", "features", "columns"):
        if getattr(settings, field):
            what = f"{origin} returns {described(returned)}"
            raise DataError(
                f"data.{field}: only a table has columns, but {what}\n  remove {field}, or return a DataFrame"
            )
    return _source(returned, settings, origin=origin)


def _arguments(
    function: Callable[..., Any], *, origin: str, offered: Mapping[str, object]
) -> dict[str, object]:  # Any: the user's
    """Those of the arguments `offered` that the function lists."""
    listed_names = explained(
        lambda: [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ],
        f"data.name: {origin} cannot be called",
    )
    for name in listed_names:
        if name not in KNOWN:
            known = known_names(name, KNOWN)
            raise StudyError(f'data.name: {origin} lists the unknown argument "{printable(name)}"\n  {known}')
    return {name: offered[name] for name in listed_names}


def _check_reserved(factors: DataFactors, *, origin: str) -> None:
    """Raise `StudyError` if the function asked for a factor that changes the model or its training."""
    for name in sorted(factors.given.names & factors.reserved):
        known = f"it may read {listed(factors.levels)}" if factors.levels else "this study has none"
        raise StudyError(
            f"data.name: {origin} reads the factor {printable(name)}, which the model or its training uses\n"
            f"  give the data a factor with a name of its own; {known}"
        )


def _source(returned: object, settings: Data, *, origin: str) -> Source:
    if not isinstance(returned, Mapping):
        raise DataError(f"{origin}: must return a dict of arrays, got {described(returned)}\n  {_way_out(returned)}")
    given = _renamed(returned, origin=origin)
    roles = _role_names(settings, given, origin=origin)
    known = [f"{kind}_{part}" for part in _PARTS for kind in "xy"]
    for name in given:
        if name not in known and name not in roles.values():
            every = known_names(str(name), [*known, *READERS, *roles.values()])
            raise DataError(f'{origin}: returns the unknown array "{printable(str(name))}"\n  {every}')
    if given.get("x_train") is None:
        raise DataError(f"{origin}: returns no x_train\n  {_EXAMPLE}")
    trees = {name: _inputs_of(given, name, origin=origin) for name in known}
    for part in _PARTS:
        _check_pair(trees, part, origin=origin)
    if trees["x_validation"] is not None and settings.validation != "given":
        draws = f"data.validation is {settings.validation}, which draws one"
        if "validation" not in settings.model_fields_set:
            draws = f"[data] names no validation, and the default draws {settings.validation:,} of x_train"
        raise DataError(
            f"{origin}: returns a validation part, but {draws}\n"
            '  write validation = "given" in [data], or return no validation part'
        )
    sizes = {part: _size(trees[f"x_{part}"]) for part in _PARTS}
    found: dict[str, Any] = {}  # Any: fields of Source by name
    for field, name in roles.items():
        kind, _, part = field.partition("_")
        values = to_array(given[name], name, origin=origin)
        found[field] = READERS[kind](values, place=f"{origin}: {printable(name)}", n=sizes[part or "train"])
    x_train = trees["x_train"]
    assert x_train is not None  # checked above
    return Source(
        x_train,
        trees["y_train"],
        trees["x_test"],
        trees["y_test"],
        trees["x_validation"],
        trees["y_validation"],
        origin=origin,
        notes=(f"{origin}: examples count in the loss by the weights that it returns",) if "weights" in found else (),
        **found,
    )


def _renamed(returned: Mapping[Any, Any], *, origin: str) -> dict[str, Any]:  # Any: the user's
    """The arrays by name, without those that are None; "x_val" is another name of "x_validation"."""
    found: dict[str, Any] = {}
    for name, value in returned.items():
        stem, _, part = str(name).rpartition("_")
        full = f"{stem}_validation" if stem and part in VALIDATION else str(name)
        if full in found:
            raise DataError(f"{origin}: returns {full} twice, also as {printable(str(name))}\n  return one of them")
        if value is not None:
            found[full] = value
    return found


def _role_names(settings: Data, given: Mapping[str, Any], *, origin: str) -> dict[str, str]:
    """The arrays of groups, times and weights, by fields of `Source`: under those names, or as settings name them."""
    found: dict[str, str] = {}
    for field in READERS:
        named: str | None = getattr(settings, field)
        stem = field if named is None or (field, named) == ("weights", BALANCED) else named.removesuffix("_train")
        train = next((name for name in (stem, f"{stem}_train") if name in given), None)
        if train is None and stem != field:
            known = known_names(stem, given)
            raise DataError(f'{origin}: returns no "{printable(stem)}", which data.{field} names\n  {known}')
        if train is not None and (field, named) == ("weights", BALANCED):
            rule = 'data.weights is "balanced", but the function returns weights too'
            raise DataError(f"{origin}: {rule}\n  remove one of them")
        found |= {field: train} if train is not None else {}
        found |= {f"{field}_{part}": f"{stem}_{part}" for part in ("test", "validation") if f"{stem}_{part}" in given}
        if train is None and f"{field}_test" in found:
            raise DataError(f"{origin}: returns {field}_test without {field}\n  return both, or neither")
    return found


def _check_pair(trees: Mapping[str, Tree | None], part: str, *, origin: str) -> None:
    """Inputs have targets in every part or in none."""
    x, y, trained = trees[f"x_{part}"], trees[f"y_{part}"], trees["y_train"]
    if x is None and y is not None:
        raise DataError(f"{origin}: returns y_{part} without x_{part}\n  return both, or neither")
    if x is not None and y is None and trained is not None:
        raise DataError(f"{origin}: returns x_{part} without y_{part}\n  return both, or neither")
    if x is not None and y is not None and trained is None:
        raise DataError(f"{origin}: returns y_{part} without y_train\n  return both, or neither")
    if x is None:
        return
    sizes = {
        f"{kind}_{part}{'/' if name else ''}{name}": len(array)
        for kind, tree in (("x", x), ("y", y))
        if tree is not None
        for name, array in leaves(tree).items()
    }
    if len(set(sizes.values())) > 1:
        said = listed(f"{printable(name, 40)} {n:,}" for name, n in sizes.items())
        raise DataError(f"{origin}: arrays of one part must have the same number of examples, got {said}")


def _inputs_of(given: Mapping[str, Any], name: str, *, origin: str) -> Tree | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, Mapping):
        if not value:
            raise DataError(f"{origin}: {name} is an empty dict\n  {_EXAMPLE}")
        return {str(key): to_array(inner, f"{name}/{key}", origin=origin) for key, inner in value.items()}
    if isinstance(value, list | tuple) and _are_inputs(
        value, len_of=given.get(f"{'y' if name[0] == 'x' else 'x'}{name[1:]}")
    ):
        word = "input" if name[0] == "x" else "output"
        return {f"{word}_{k}": to_array(inner, f"{name}/{word}_{k}", origin=origin) for k, inner in enumerate(value, 1)}
    return to_array(value, name, origin=origin)


def _are_inputs(values: Sequence[Any], *, len_of: object) -> bool:
    """Whether a list holds one array for each input, not one for each example."""
    if not values or not all(hasattr(value, "shape") and len(value.shape) for value in values):
        return False
    sizes = {len(value) for value in values}
    n = len(len_of) if hasattr(len_of, "__len__") and not isinstance(len_of, list | tuple | Mapping) else None
    return sizes == {n} if n is not None else len(sizes) == 1 and len(values) < min(sizes)


def _way_out(returned: object) -> str:
    if is_stream(returned):
        return f"{INSTEAD}: {_EXAMPLE}"
    if isinstance(returned, tuple):
        return f"(x_train, y_train), (x_test, y_test) = …; {_EXAMPLE}"
    return f"{_EXAMPLE}, or a DataFrame"


def _size(tree: Tree | None) -> int:
    return 0 if tree is None else len(next(iter(leaves(tree).values())))
