"""`ablate init`: look at data or a script, and write a study file that runs."""

import os
import sys
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt

from ablate.data.table import column_names
from ablate.errors import AblateError
from ablate.experiment.drafting import Draft, Fitted, draft_of_data, draft_of_script, fit_to_time, write_draft
from ablate.experiment.options import Options
from ablate.interface.display.progress import duration
from ablate.interface.display.stream import say
from ablate.storage.files.atomic import opening, write_new
from ablate.study.data_ref import source_kind
from ablate.study.names import NAME_RULE, is_safe_name, to_safe_name
from ablate.text import listed, number_of, printable

EXAMPLE = "mine"  # the name of a study without a source
WHAT = "What do you have? A table (.csv), an .npz, a folder of images, a Keras script (.py); Enter for an example"


@dataclass(frozen=True, slots=True)
class InitArguments:
    """What the command line asks for."""

    source: str | None  # None: ask, or the example
    target: tuple[str, ...] = ()
    name: str = ""
    data_dir: Path | None = None
    timing: bool = True


def run(asked: InitArguments, *, folder: Path) -> None:
    """Draft, write and time a study; nothing that exists is overwritten."""
    console = Console(highlight=False)
    if asked.source is None and not asked.name and can_ask():
        asked = replace(asked, source=Prompt.ask(WHAT, default="", show_default=False).strip() or None)
    name = name_of(asked)
    path = folder / "studies" / f"{name}.toml"
    if asked.source is None:
        write_example(path)
        said(console, [f"wrote {shown(path, folder)}", *next_steps(name)])
        return
    draft = drafted(asked, asked.source, name, folder=folder, console=console)
    said(console, draft.found)
    said(console, [f"left out: {line}" for line in draft.left_out])
    written = write_draft(draft, path)
    said(console, [f"wrote {listed([shown(file, folder) for file in written])}"])
    if asked.timing:
        said(console, ["timing an epoch of each variant …"])
        options = Options(out=folder / "reports", tracking_uri="", command="", data_dir=asked.data_dir)
        fitted = fit_to_time(draft, path, options, announce=lambda text: said(console, [text]))
        said(console, [*fitted.shortened, time_said(fitted)])
    said(console, next_steps(name))


def drafted(asked: InitArguments, source: str, name: str, *, folder: Path, console: Console) -> Draft:
    """The draft for a script, or for data."""
    if source.endswith(".py"):
        if asked.target:
            raise AblateError("--target: a script has its targets itself\n  leave it out")
        return draft_of_script(Path(source), name=name, folder=folder)
    target = asked.target
    if source_kind(source) == "table" and not target and can_ask():
        columns = column_names(folder / source, origin=source)
        said(console, [f"columns: {listed(columns)}"])
        target = (Prompt.ask("Which column is to be predicted?", default=columns[-1]).strip(),)
    return draft_of_data(
        source,
        name=name,
        target=target,
        folder=folder,
        data_dir=asked.data_dir,
        announce=lambda text: said(console, [text]),
    )


def write_example(path: Path) -> None:
    """The commented example, as a new file."""
    template = files("ablate.study").joinpath("template.toml").read_text(encoding="utf-8")
    with opening(path.parent):
        try:
            write_new(path, template)
        except FileExistsError as err:
            if path.parent.is_dir():
                raise AblateError(f"{path} already exists\n  edit it, or choose another name: --name NAME") from err
            raise


def name_of(asked: InitArguments) -> str:
    """The study's name: as asked, or like the source's."""
    if asked.name:
        if not is_safe_name(asked.name):
            raise AblateError(f'"{printable(asked.name)}" is not a valid study name: a name has {NAME_RULE}')
        return asked.name
    return to_safe_name(Path(asked.source).stem, otherwise=EXAMPLE) if asked.source else EXAMPLE


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def time_said(fitted: Fitted) -> str:
    """How long the study takes."""
    return f"time      about {duration(fitted.seconds)} for {number_of(fitted.trials, 'trial')}"


def next_steps(name: str) -> list[str]:
    """What to type next."""
    return [f"next      ablate study {name}", f"          ablate plan {name}   what it trains, and what it can show"]


def shown(path: Path, folder: Path) -> str:
    """A path from the working folder."""
    return os.path.relpath(path, folder)


def said(console: Console, lines: list[str] | tuple[str, ...]) -> None:
    """Print lines, if there are any."""
    say(console, lines, soft_wrap=not console.is_terminal)
