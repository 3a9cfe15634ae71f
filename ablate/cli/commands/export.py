"""`ablate export`: write the model of a trial to a file that Keras alone can load, and register it if asked."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ablate.cli.commands import DONE
from ablate.cli.commands.verify import find_recorded, parts_of
from ablate.errors import AblateError
from ablate.experiment.export import ModelSource, check_exportable, check_target, choose_entry, copy_model, model_of
from ablate.experiment.kept_models import fitting_example, read_example
from ablate.experiment.options import open_data
from ablate.experiment.verify import VerifyOptions, read_recorded
from ablate.interface.display.stream import say
from ablate.storage.models import how_to_load, shown_ends
from ablate.study.trial import is_metric
from ablate.system import on_stop_signal
from ablate.text import listed, printable
from ablate.tracking import ModelFile, register


@dataclass(frozen=True, slots=True)
class ExportArguments:
    """The options of the command line."""

    name: str
    path: Path
    trial: str  # "": the best
    force: bool
    registered: str  # name in MLflow's registry; "": not registered
    tolerance: float | None
    out: Path
    data_dir: Path | None
    tracking_uri: str


def run(chosen: ExportArguments) -> int:
    """Write the file, register it if asked, and say what it holds and how to load it."""
    check_target(chosen.path, force=chosen.force)
    console = Console(highlight=False)

    def announce(text: str) -> None:
        say(console, [text], soft_wrap=not console.is_terminal)

    whole, beside = find_recorded(chosen.name, chosen.out)
    folder, trial = part_and_trial(whole, chosen.trial)
    recorded, stop = read_recorded(folder, beside=beside), threading.Event()
    entry = choose_entry(recorded.study, recorded.entries, trial, folder=folder)
    check_exportable(recorded.study, entry, folder)
    with (
        on_stop_signal(stop.set),
        model_of(
            recorded,
            entry,
            data=lambda: open_data(recorded.study, chosen.data_dir, announce=announce),
            asked=VerifyOptions(tolerance=chosen.tolerance, workers=1),
            stop=stop,
            announce=announce,
        ) as source,
    ):
        copy_model(source.path, chosen.path)
        say(console, said(source, chosen.path, is_chosen=bool(chosen.trial)), soft_wrap=not console.is_terminal)
        if chosen.registered:
            model = ModelFile(
                entry.run_id, source.path, source.card, fitting_example(read_example(folder), source.card)
            )
            version = register(chosen.tracking_uri, model, name=chosen.registered)
            announce(f"registered as {chosen.registered}, version {version}")
    return DONE


def part_and_trial(folder: Path, trial: str) -> tuple[Path, str]:
    """The folder of the trial and its name there: on several data sets it is named "mnist/ablation-…".

    Raises `AblateError` if the study has several data sets and `trial` names none of them: each has its own models.
    """
    parts = parts_of(folder)
    name, _, own = trial.partition("/")
    if not parts:
        return folder, trial
    if name not in parts or not own:
        labels, first = listed([part.name for part in parts.values()]), next(iter(parts.values())).name
        fault = f"--trial {printable(trial)}: names no data set of {folder.name}" if trial else (
            f"{folder.name}: was run on {len(parts)} data sets, and each has models of its own"
        )  # fmt: skip
        raise AblateError(
            f"{fault}\n"
            f"  export the best of one data set by its part ({labels}), as: ablate export {first} model.keras\n"
            f"  or name a trial as in results.csv, as: --trial {next(iter(parts))}/TRIAL"
        )
    return parts[name], own


def said(source: ModelSource, path: Path, *, is_chosen: bool) -> list[str]:
    """Whose model it is, with its scores, what it takes and returns, and how to load it."""
    card, trial = source.card, source.entry.spec.trial
    kind = "search trial" if source.entry.spec.label.phase == "search" else "run of the reference"
    which = f"{trial}" if is_chosen else f"{trial}, the best {kind}"
    lines = [f"{path}   {path.stat().st_size / 1e6:.2g} MB: {which}", f"scores   {_scores(card.metrics)}"]
    if source.check is not None:
        equal = "equal to the record" if source.check.verdict == "equal" else f"within {source.check.tolerance:g} of it"
        lines.append(f"trained once more: its numbers are {equal}")
    lines += [
        f"takes    {shown_ends(card.inputs)}, as the data hold them: scaling is inside",
        f"returns  {shown_ends(card.outputs)}",
    ]
    if card.samples:
        lines.append(f"The recorded scores average {card.samples} passes with dropout; this model makes one without.")
    if card.needs:
        lines.append(f"Loading needs the code of {', '.join(card.needs)}; all else is in the file:")
    return [*lines, "", *(f"  {line}" for line in how_to_load(card, str(path)))]


def _scores(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in metrics.items() if is_metric(name))
