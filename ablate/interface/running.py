"""Run a study from a script or a notebook: its options, its display, and what Ctrl-C does."""

import os
import shlex
import sys
from contextlib import closing
from pathlib import Path

from ablate.errors import AblateError
from ablate.experiment.options import Only, Options
from ablate.experiment.run_study import Finished, run_study
from ablate.interface.display.progress import Display
from ablate.interface.display.suitable import Quiet, in_notebook, suitable_display
from ablate.interface.result import Result
from ablate.study.settings import Study as Settings
from ablate.tracking import DEFAULT_URI, check_file
from ablate.tracking.address import VARIABLE

# Options of the command line in messages, and the arguments that do the same.
ARGUMENTS = {
    "--fresh": "fresh=True", "--continue": "continue_=True", "--retry": "retry=True", "--workers": "workers=…",
    "--data-dir": "data_dir=…", "--tracking-uri": "tracking_uri=…", "--no-cache": "cache=False",
}  # fmt: skip


def to_options(
    *,
    workers: int | None,
    out: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None,
    tracking_uri: str | None = None,
    stack: int | None = None,
    only: Only | None = None,
    **flags: bool,
) -> Options:
    """The options of a call. Raises `AblateError` for impossible ones."""
    for name, value in (("workers", workers), ("stack", stack)):
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
        **flags,
    )


def run_here(study: Settings, options: Options, *, progress: bool) -> Result:
    """Run a study and read its result. Raises `KeyboardInterrupt` once a stop has been saved."""
    try:
        finished = run_shown(study, options, suitable_display() if progress else Quiet())
    except AblateError as err:
        if named := [f"{option}: {argument}" for option, argument in ARGUMENTS.items() if option in str(err)]:
            err.add_note(f"as arguments of run: {', '.join(named)}")
        raise
    if finished.ending.interrupted:
        # Not a class of its own: a script that ends by this very class has the exit status of an interrupted program.
        raise KeyboardInterrupt(f"{finished.facts.label} is saved in {finished.folder.path}: the same call goes on")
    return Result(finished.folder.path)


def run_shown(study: Settings, options: Options, display: Display) -> Finished:
    """Run a study, and show its events on a display, which is closed in the end."""
    with closing(display):
        check_file(options.tracking_uri)  # before any file is written for this study
        return run_study(study, options, display)


def _call() -> str:
    """What to run to get these results again, as far as it is known."""
    if in_notebook() or not getattr(sys.modules["__main__"], "__file__", ""):
        return "Study.run() in a notebook" if in_notebook() else "Study.run() in an interactive session"
    return shlex.join(["python", *sys.argv])
