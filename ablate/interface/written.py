"""Write a study as a TOML file: names of data and code turned to the file's folder, functions to those in files."""

import os
from dataclasses import replace
from pathlib import Path

from ablate.errors import StudyError
from ablate.interface.functions import in_a_file
from ablate.interface.tables import ARRAYS
from ablate.storage.files.atomic import opening, write_aside, write_new
from ablate.study.data_ref import is_function, source_kind
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml


def write_study(study: StudySettings, path: Path, *, overwrite: bool) -> None:
    """Write a study file that other processes can run. Raises `StudyError` for what no file can name."""
    text = to_toml(_moved(study, path.absolute().parent))
    with opening(path.parent):
        if overwrite:
            write_aside(path, text)
            return
        try:
            write_new(path, text)
        except FileExistsError as err:
            if path.is_file() and path.read_bytes() == text.encode():
                return
            raise StudyError(
                f"{path}: exists and holds something else\n  give overwrite=True, or another name"
            ) from err


def _moved(study: StudySettings, folder: Path) -> StudySettings:
    """The study with each name as a file in that folder writes it."""

    def moved(name: str | None, key: str) -> str | None:
        return name and _name_from(folder, name, study, key=key)

    data, model, training, metric = study.data, study.model, study.training, study.metric
    name = moved(data.name, "data.name")
    if model.is_users and model.role != "command":
        key = "model.name" if model.role == "build" else "model.train"
        file, _, function = str(moved(model.name, key)).rpartition(":")
        model = replace(model, file=file, function=function, given=None)
    also = metric.also and tuple(str(moved(one, "metric.also")) for one in metric.also)
    return study.model_copy(
        update={
            "data": data.model_copy(update={"name": name}),
            "model": model,
            "training": training.model_copy(update={"loss": moved(training.loss, "training.loss")}),
            "metric": metric.model_copy(update={"name": moved(metric.name, "metric.name"), "also": also}),
        }
    )


def _name_from(folder: Path, name: str, study: StudySettings, *, key: str) -> str:
    if name in study.functions:
        return _of_function(folder, name, study, key=key)
    file, colon, function = name.rpartition(":") if is_function(name) else (name, "", "")
    if not colon and (key != "data.name" or source_kind(name) == "known"):
        return name
    if Path(file).is_absolute() or file.startswith("~"):
        return name
    slash = "/" if file.endswith(("/", "\\")) else ""
    return f"{_relative(study.base / file, folder)}{slash}{colon}{function}"


def _of_function(folder: Path, name: str, study: StudySettings, *, key: str) -> str:
    given = study.functions[name]
    place = f"{study.source}: {key}"
    if name == ARRAYS:
        raise StudyError(
            f"{place}: is given as arrays in memory, which a study file cannot hold\n"
            '  write them with np.savez("data.npz", x_train=…, y_train=…) and give data="data.npz"'
        )
    file = in_a_file(given.call) if given.call else None
    if file is None:
        raise StudyError(
            f"{place}: {given.shown} is in no file that a study file can name\n"
            "  move it into a module of its own, such as my_models.py, and import it from there"
        )
    return f"{_relative(file, folder)}:{name.rpartition(':')[2]}"


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.absolute(), folder)).as_posix()
