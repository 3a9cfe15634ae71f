"""`ablate list`, `ablate show`, `ablate new`: list the studies, resolve a study, start a new study."""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ablate import system
from ablate.errors import AblateError
from ablate.interface.display.stream import say
from ablate.interface.study import Study
from ablate.storage.files.atomic import opening, write_new
from ablate.study.names import NAME_RULE, is_safe_name, list_studies
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml
from ablate.text import printable


def run_list(folder: Path) -> None:
    """Print one line per study."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for study in list_studies(folder):
        where = "bundled" if study.bundled else os.path.relpath(study.path, folder)
        row = (study.name, study.title, where)
        table.add_row(*(Text(printable(text, 300)) for text in row))  # as text: brackets in a title are no markup
    Console(highlight=False).print(table)


def run_show(name: str, *, overrides: Sequence[str], quick: bool, data_dir: Path | None) -> None:
    """Print the resolved study as TOML, then its trials and parameters."""
    study = Study.read(name, overrides=overrides, quick=quick).settings
    console = Console(highlight=False)
    # Not wrapped: an inline table broken over two lines is invalid TOML.
    say(console, [to_toml(study).strip(), ""], soft_wrap=True)
    say(console, (f"# {line}" for line in summary(study, data_dir)), soft_wrap=True)


def run_new(name: str, *, folder: Path) -> None:
    """Write studies/NAME.toml from the template; never overwrites a file."""
    if not is_safe_name(name):
        raise AblateError(f'"{printable(name)}" is not a valid study name: a name has {NAME_RULE}')
    path = folder / "studies" / f"{name}.toml"
    template = files("ablate.study").joinpath("template.toml").read_text(encoding="utf-8")
    with opening(path.parent):
        try:
            write_new(path, template)
        except FileExistsError as err:
            if path.parent.is_dir():
                raise AblateError(f"{path} already exists\n  edit it, or choose another name") from err
            raise
    say(Console(highlight=False), [f"wrote {os.path.relpath(path, folder)}   try it: ablate study {name} --quick"])


def summary(study: StudySettings, data_dir: Path | None) -> list[str]:
    """The number of trials and parameters of a study."""
    from ablate.data.trees import example_shape
    from ablate.experiment.options import open_data
    from ablate.experiment.preview.preview import outline
    from ablate.study.backend import choose_backend
    from ablate.training.engine.device import prepare_backend

    data = open_data(study, data_dir, announce=print)
    if study.model.trains_itself:
        return outline(study)
    backend = choose_backend(study)
    prepare_backend(backend.name)
    from ablate.training.engine.parameters import count_model_parameters

    shape, parameters = example_shape(data.x_train), count_model_parameters(study, data)
    shapes = ", ".join(f"{name} {of}" for name, of in shape.items()) if isinstance(shape, Mapping) else str(shape)
    several = [f"on each of {len(study.data_sets)} data sets; the search on the first alone:"] * bool(study.data_sets)
    return [
        *several,
        *outline(study),
        f"the backend is {backend.said(system.versions())}",
        f"the baseline's model has {parameters:,} parameters on {data.name} {shapes}",
    ]
