"""What the shell completes: studies, folders of results, settings and their choices. Imports no heavy library."""

import types
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from ablate.errors import AblateError


def study_names(begun: str, *, folder: Path) -> list[tuple[str, str]]:
    """The studies whose names begin so, with their titles: one's own in `folder`/studies and the bundled ones."""
    from ablate.study.names import list_studies

    return [(study.name, study.title) for study in list_studies(folder) if study.name.startswith(begun)]


def result_names(begun: str, *, out: Path) -> list[str]:
    """The folders with results in `out` whose names begin so."""
    with suppress(OSError):  # there is no such folder
        return sorted(path.parent.name for path in out.glob("*/results.csv") if path.parent.name.startswith(begun))
    return []


def overrides(begun: str, *, study: str, folder: Path) -> list[str]:
    """What `--set` takes: "training.epochs=" while the key is begun, and the values of a key with choices after it.

    Factors come from the file of the `study`, if that is typed already and can be read.
    """
    key, equals, _ = begun.partition("=")
    if not equals:
        return [f"{name}=" for name in (*_settings(), *_factors(study, folder)) if name.startswith(begun)]
    return [text for value in _settings().get(key, ()) if (text := f"{key}={value}").startswith(begun)]


def _settings() -> dict[str, Sequence[str]]:
    """The key of every setting that has a default, with its choices; none where any value may stand."""
    from pydantic import BaseModel

    from ablate.study.settings import ModelTable, StudySettings

    found: dict[str, Sequence[str]] = {"seed": (), "title": (), "model.name": ()}
    for table, field in StudySettings.model_fields.items():
        kind = next((one for one in _flat(field.annotation) if isinstance(one, type)), None)
        if kind is not None and issubclass(kind, BaseModel) and kind is not ModelTable:
            found |= {f"{table}.{name}": _choices(one.annotation) for name, one in kind.model_fields.items()}
    return found


def _choices(annotation: Any) -> list[str]:  # Any: a type
    """The words that a setting may be; [] if it may be anything."""
    parts = list(_flat(annotation))
    if bool in parts:
        return ["true", "false"]
    words = [str(word) for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return words if all(part is type(None) or get_origin(part) is Literal for part in parts) else []


def _flat(annotation: Any) -> Iterator[Any]:  # Any: types
    """The members of a union."""
    if get_origin(annotation) in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _flat(one)
    else:
        yield annotation


def _factors(study: str, folder: Path) -> list[str]:
    from ablate.study.names import find_study
    from ablate.study.tree import read_toml

    with suppress(AblateError):
        tree = read_toml(find_study(study, folder=folder)) if study else {}
        return [f"{table}.{name}" for table in ("baseline", "space") for name in _keys(tree.get(table))]
    return []


def _keys(table: object) -> list[str]:
    return [str(name) for name in table] if isinstance(table, dict) else []
