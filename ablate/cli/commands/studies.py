"""`ablate list`, `ablate show`: list the studies, resolve a study."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ablate import system
from ablate.interface.display.stream import say
from ablate.interface.study import Study
from ablate.study.names import list_studies
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
