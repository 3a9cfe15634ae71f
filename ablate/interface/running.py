"""Run a study from a script or a notebook: its options, its display, and what Ctrl-C does."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from ablate.errors import AblateError
from ablate.experiment.data_sets import run_on_data_sets
from ablate.experiment.living import EVERY_MINUTE
from ablate.experiment.on_cluster import read_request
from ablate.experiment.options import Only, Options
from ablate.experiment.run_study import Finished, run_study
from ablate.interface.display.progress import Display
from ablate.interface.display.suitable import Quiet, in_notebook, suitable_display
from ablate.interface.result import Result
from ablate.study.settings import StudySettings
from ablate.tracking import DEFAULT_URI, check_file
from ablate.tracking.address import VARIABLE


def to_options(
    *,
    workers: int | None,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None,
    tracking_uri: str | None = None,
    stack: int | None = None,
    only: Only | None = None,
    cluster: str | None = None,
    threads: int | None = None,
    mixed: bool = False,
    **flags: bool,
) -> Options:
    """The options of a call. Raises `AblateError` for impossible ones."""
    for name, value in (("workers", workers), ("stack", stack), ("threads", threads)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise AblateError(f"{name}: must be None or a whole number from 1, got {value!r}")
    if only not in (None, "search", "ablation"):
        raise AblateError(f'only: must be "search", "ablation" or None, got {only!r}')
    if flags.get("fresh") and flags.get("go_on"):
        raise AblateError("fresh and continue_: choose one: start again, or go on")
    return Options(
        out=Path(out),
        tracking_uri=tracking_uri or os.environ.get(VARIABLE) or DEFAULT_URI,
        command=_call(),
        data_dir=None if data_dir is None else Path(data_dir),
        workers=workers,
        stack=stack,
        only=only,
        cluster=read_request(cluster, out=Path(out), threads=threads, mixed=mixed, workers=workers),
        rewriting=EVERY_MINUTE,
        **flags,
    )


def run_here(study: StudySettings, options: Options, *, progress: bool) -> Result:
    """Run a study and read its result.

    Raises `KeyboardInterrupt` once a stop has been saved, and `AblateError` if the study gave up, or if no trial
    finished.
    """
    finished = run_shown(study, options, suitable_display() if progress else Quiet())
    name, folder = finished.facts.label, finished.folder.path
    if finished.ending.interrupted:
        # Not a class of its own: a script that ends by this very class has the exit status of an interrupted program.
        raise KeyboardInterrupt(f"{name} is saved in {folder}: the same call goes on")
    if why := finished.ending.gave_up or nothing_finished(finished.states):
        raise AblateError(
            f"{name}: {why}\n  each trial's reason is in {folder / 'results.csv'}; mend the cause, then use --retry"
        )
    return Result(folder, notes=tuple(_notes(finished)))


def _notes(finished: Finished) -> Iterator[str]:
    """What the user should know besides the answer."""
    yield from (f"{note}." for note in finished.notes)
    if finished.set_aside:
        yield f"The old results are in {finished.set_aside}."
    if finished.missing_runs:
        yield (
            f"MLflow lacks {finished.missing_runs} of the study's runs ({finished.tracker_failure}); results.csv has "
            "them; when the store answers, the same call writes them."
        )


def nothing_finished(states: Mapping[str, int]) -> str:
    """A sentence if trials ran and none of them finished, else ""."""
    if states.get("finished") or not sum(states.values()):
        return ""
    counts = ", ".join(f"{n:,} {state.replace('_', ' ')}" for state, n in states.items() if n)
    return f"No trial finished: {counts}."


def run_shown(study: StudySettings, options: Options, display: Display) -> Finished:
    """Run a study, and show its events on a display, which is closed in the end."""
    with closing(display):
        check_file(options.tracking_uri)  # before any file is written for this study
        run_all = run_on_data_sets if study.data_sets else run_study
        return run_all(study, options, display)


def _call() -> str:
    """What to run to get these results again, as far as it is known."""
    if in_notebook() or not getattr(sys.modules["__main__"], "__file__", ""):
        return "Study.run() in a notebook" if in_notebook() else "Study.run() in an interactive session"
    return shlex.join(["python", *sys.argv])
