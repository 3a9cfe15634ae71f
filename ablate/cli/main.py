"""Parse the command line and call a command. Heavy libraries are imported in the commands: `--help` is instant."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ablate.cli.commands import DONE, INTERRUPTED, UNFINISHED, WRONG_USAGE
from ablate.errors import AblateError, StorageError

if TYPE_CHECKING:
    from ablate.experiment.options import Only


DEFAULT_URI = "sqlite:///mlflow.db"
EXIT_CODES = (
    "Exit codes: 0 done; 1 not complete, failed or to be fixed, and what is there is saved; 2 wrong usage, nothing was "
    "started; 130 interrupted."
)
app = typer.Typer(
    name="ablate",
    help="Which part of my network matters? Hyperparameter search and ablation studies with honest statistics.",
    epilog=f"Start with: ablate study digits_mlp\n\n{EXIT_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def read_count(text: str) -> int | None:
    """A number from 1, or None for "auto"."""
    if text == "auto":
        return None
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f'must be "auto" or a whole number from 1, got "{text}"')
    return int(text)


def _begun_study(incomplete: str) -> list[tuple[str, str]]:
    from ablate.cli.completion import study_names

    return study_names(incomplete, folder=Path.cwd())


def _begun_results(ctx: typer.Context, incomplete: str) -> list[str]:
    from ablate.cli.completion import result_names

    return result_names(incomplete, out=Path(ctx.params.get("out") or "reports"))


def _begun_set(ctx: typer.Context, incomplete: str) -> list[str]:
    from ablate.cli.completion import overrides

    # While the value of --set is missing, the study's name is still among the words that are not assigned.
    study = ctx.params.get("name") or next(iter(ctx.args), "")
    return overrides(incomplete, study=study, folder=Path.cwd())


def _one_of(*words: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        help="A study in ./studies, a bundled study, or a path to a .toml file.", autocompletion=_begun_study
    ),
]
OfResults = Annotated[
    str,
    typer.Argument(help="A study with results, or a folder with a results.csv.", autocompletion=_begun_results),
]
Sets = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting, e.g. training.epochs=5 (repeatable).",
        autocompletion=_begun_set,
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for results, with a subfolder per study.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of .npz data sets. If set, never download or use synthetic data.")
]
TrackingUri = Annotated[str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="Address of the MLflow store.")]
Workers = Annotated[
    int | None,
    typer.Option(
        parser=read_count,
        metavar="auto|N",
        show_default="auto",
        autocompletion=_one_of("auto"),
        help="Number of worker processes; auto: one per GPU or CPU core, as far as memory allows.",
    ),
]
StackSize = Annotated[
    int | None,
    typer.Option(
        parser=read_count,
        metavar="auto|K",
        show_default="auto",
        autocompletion=_one_of("auto"),
        help="Number of trials of equal structure to train in one program.",
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Short test run with a reduced budget; its results are kept separately.")
]

ClusterAddress = Annotated[
    str | None,
    typer.Option(
        metavar="auto|HOST:PORT",
        autocompletion=_one_of("auto"),
        help="Train on the machines of a Ray cluster: the one that this machine is in, or the one at an address.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Processors of each worker of a cluster; by default 1.")]
Mixed = Annotated[
    bool,
    typer.Option("--mixed", help="Also use machines of a cluster whose numbers differ from the others' by rounding."),
]


@app.command(epilog=EXIT_CODES)
def study(
    name: Name,
    set_: Sets = [],  # noqa: B006  # typer copies it
    workers: Workers = None,
    stack: StackSize = None,
    out: Out = Path("reports"),
    tracking_uri: TrackingUri = DEFAULT_URI,
    data_dir: DataDir = None,
    only: Annotated[
        str | None,
        typer.Option(help="Run only one phase: search or ablation.", autocompletion=_one_of("search", "ablation")),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again; old results are kept under another name.")
    ] = False,
    continue_: Annotated[
        bool, typer.Option("--continue", help="Resume with a changed study file if the finished trials stay valid.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Retrain comparison trials that failed or ran out of memory.")
    ] = False,
    cache: Annotated[
        bool,
        typer.Option("--cache/--no-cache", help="Reuse identical trials of earlier studies, or train every trial."),
    ] = True,
    quick: Quick = False,
    cluster: ClusterAddress = None,
    threads: Threads = None,
    mixed: Mixed = False,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the report in the browser, where it follows the running study.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line instead of the display.")
    ] = False,
) -> None:
    """Run a study: search, ablation, test scores, report. Resumes an interrupted run."""
    if only not in (None, "search", "ablation"):
        raise AblateError(f'--only {only}: must be "search" or "ablation"')
    if fresh and continue_:
        raise AblateError("--fresh and --continue: choose one: start again, or resume")
    from ablate.cli.commands import study as command
    from ablate.experiment.on_cluster import read_request
    from ablate.experiment.options import Options

    options = Options(
        out=out,
        tracking_uri=tracking_uri,
        command=shlex.join(["ablate", *sys.argv[1:]]),
        data_dir=data_dir,
        workers=workers,
        stack=stack,
        only=cast("Only | None", only),
        fresh=fresh,
        reuse=cache,
        go_on=continue_,
        retry=retry,
        cluster=read_request(cluster, out=out, threads=threads, mixed=mixed, workers=workers),
    )
    chosen = command.StudyArguments(name, tuple(set_), quick=quick, as_json=json, opens=open_)
    raise typer.Exit(command.run(chosen, options))


@app.command()
def plan(
    name: Name,
    set_: Sets = [],  # noqa: B006  # typer copies it
    workers: Workers = None,
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    timing: Annotated[
        bool, typer.Option("--time/--no-time", help="Train one epoch of each structure whose speed is unknown.")
    ] = True,
    quick: Quick = False,
) -> None:
    """Show what a study would do now: trials to train, trials done, time, the smallest detectable effect."""
    from ablate.cli.commands import plan as command

    command.run(name, overrides=set_, workers=workers, out=out, data_dir=data_dir, quick=quick, timing=timing)


@app.command()
def lr(
    name: Name,
    set_: Sets = [],  # noqa: B006  # typer copies it
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    quick: Quick = False,
) -> None:
    """Run a learning-rate range test of a study's baseline: curve, rules, suggested rate."""
    from ablate.cli.commands import lr as command

    command.run(name, overrides=set_, out=out, data_dir=data_dir, quick=quick)


@app.command()
def report(name: OfResults, out: Out = Path("reports")) -> None:
    """Rebuild a study's report from its results table. NAME may also be a folder with a results.csv."""
    from ablate.cli.commands import report as command

    command.run(name, out=out)


@app.command()
def verify(
    name: OfResults,
    trials: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of trials to retrain, spread over phases and variants.")
    ] = 3,
    trial: Annotated[list[str], typer.Option("--trial", metavar="TRIAL", help="Retrain this trial (repeatable).")] = [],  # noqa: B006
    all_: Annotated[bool, typer.Option("--all", help="Retrain every trial.")] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Allowed difference of scores; by default 0 on the recorded machine."),
    ] = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Retrain recorded trials of a study and compare the results: bit for bit on the same machine."""
    from ablate.cli.commands import verify as command
    from ablate.experiment.verify import VerifyOptions

    asked = VerifyOptions(trials, tuple(trial), every=all_, tolerance=tolerance, workers=workers, cluster=cluster)
    raise typer.Exit(command.run(command.VerifyArguments(name, asked, out=out, data_dir=data_dir, as_json=json)))


@app.command()
def export(
    name: OfResults,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, as model.keras.")],
    trial: Annotated[
        str,
        typer.Option(metavar="TRIAL", help="The trial; by default the best of the search, or the reference's best."),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    register: Annotated[
        str, typer.Option(metavar="MODEL", help="Also add it to MLflow's model registry, as MODEL's next version.")
    ] = "",
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Allowed difference of scores if the trial must be trained once more."),
    ] = None,
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    tracking_uri: TrackingUri = DEFAULT_URI,
) -> None:
    """Write a trial's model to a .keras file that Keras alone can load; trains it once more if it was not kept."""
    from ablate.cli.commands import export as command

    chosen = command.ExportArguments(name, path, trial, force, register, tolerance, out, data_dir, tracking_uri)
    raise typer.Exit(command.run(chosen))


@app.command()
def analyze(
    source: Annotated[
        str,
        typer.Argument(
            help="A table (CSV, JSON, …), logs of KerasTuner, TensorBoard or W&B, mlflow:EXPERIMENT, an Optuna storage."
        ),
    ],
    factors: Annotated[
        str, typer.Option(metavar="A,B,…", help="Columns that you varied; by default all candidates.")
    ] = "",
    score: Annotated[str, typer.Option(metavar="COLUMN", help="Column to compare.")] = "",
    seed: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that pairs runs; FOLD,SEED pairs them by fold and seed.")
    ] = "",
    reference: Annotated[
        str, typer.Option(metavar="A=1,B=x", help="Reference levels; by default the configuration with most variants.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            metavar="A=2,B=y", help="End of the paths in a complete table; by default the best configuration."
        ),
    ] = "",
    direction: Annotated[
        str,
        typer.Option(
            metavar="maximize|minimize",
            help="Whether higher or lower scores are better.",
            autocompletion=_one_of("maximize", "minimize"),
        ),
    ] = "",
    margin: Annotated[
        float | None, typer.Option(help="Largest difference that does not matter, in the score's unit.")
    ] = None,
    unit: Annotated[str, typer.Option(help='Unit of the score; "points" shows fractions as percents.')] = "",
    states: Annotated[
        str,
        typer.Option(
            metavar="WORD=STATE,…",
            help="What WORD means as a state: finished, pruned, diverged, out_of_memory, failed or killed.",
        ),
    ] = "",
    state: Annotated[str, typer.Option(metavar="COLUMN", help="Column with the state words.")] = "",
    missing: Annotated[
        str,
        typer.Option(
            metavar="count|drop",
            autocompletion=_one_of("count", "drop"),
            help="Runs without a score or state: count them as lost (default), or leave them out of the comparisons.",
        ),
    ] = "",
    chance: Annotated[
        float | None,
        typer.Option(help="Score of guessing, as in the table: lost runs count as this, or as the worst run if worse."),
    ] = None,
    ignore: Annotated[
        str,
        typer.Option(
            metavar="A,B,…", help="Columns that may differ between compared runs; their part is read as the factor's."
        ),
    ] = "",
    block: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="Data sets, subjects or the like: the effect on each, and pooled over all."
        ),
    ] = "",
    study: Annotated[str | None, typer.Option(help="Study to read if an Optuna storage has several.")] = None,
    name: Annotated[str, typer.Option(help="Name of the report's folder; by default the source's name.")] = "",
    out: Out = Path("reports"),
    tracking_uri: TrackingUri = DEFAULT_URI,
) -> None:
    """Statistics and a report for a table of runs from any tool. A results.csv of ablate needs no options."""
    from ablate.analysis.imports import ImportOptions
    from ablate.cli.commands import analyze as command
    from ablate.experiment.analyze import ReportPlace

    columns, ignored = (tuple(filter(None, map(str.strip, names.split(",")))) for names in (factors, ignore))
    asked = ImportOptions(
        columns,
        score,
        seed,
        direction,
        reference,
        target,
        margin,
        unit,
        states,
        state,
        missing,
        chance,
        ignored,
        block,
    )
    place = ReportPlace(source, study, tracking_uri, name, out)
    command.run(place, asked, command_line=shlex.join(["ablate", *sys.argv[1:]]))


@app.command("list")
def list_() -> None:
    """List all studies: your own in ./studies and the bundled ones."""
    from ablate.cli.commands import studies

    studies.run_list(Path.cwd())


@app.command()
def show(name: Name, set_: Sets = [], quick: Quick = False, data_dir: DataDir = None) -> None:  # noqa: B006
    """Show a study with every default filled in, its trials and its model's parameter count."""
    from ablate.cli.commands import studies

    studies.run_show(name, overrides=set_, quick=quick, data_dir=data_dir)


@app.command()
def init(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A table (.csv, .parquet), an .npz, a folder of images, a data set's name, or a Keras script (.py); "
            "without one, a commented example."
        ),
    ] = None,
    target: Annotated[
        list[str], typer.Option("--target", metavar="COLUMN", help="Column of a table to predict (repeatable).")
    ] = [],  # noqa: B006
    name: Annotated[str, typer.Option(help="Name of the study; by default the source's name.")] = "",
    data_dir: DataDir = None,
    timing: Annotated[
        bool,
        typer.Option("--time/--no-time", help="Train one epoch of each structure, and shorten what takes too long."),
    ] = True,
) -> None:
    """Write a study file that fits your data or script, in ./studies; with no arguments on a terminal, it asks."""
    from ablate.cli.commands import init as command

    asked = command.InitArguments(source, tuple(target), name, data_dir, timing=timing)
    command.run(asked, folder=Path.cwd())


@app.command()
def ui(
    tracking_uri: TrackingUri = DEFAULT_URI,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Serve MLflow's web pages for the store in use, on this machine only."""
    from ablate.cli.commands import ui as command

    raise typer.Exit(command.run(tracking_uri, host=host, port=port))


@app.command()
def compare(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A study with results, or a folder.", autocompletion=_begun_results)
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The one to set beside it.", autocompletion=_begun_results)],
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File of the page; by default compare_A_B.html in --out.")
    ] = None,
    out: Out = Path("reports"),
) -> None:
    """Set two reports side by side: what differs in settings, data and versions, and in each comparison's effect."""
    from ablate.cli.commands import compare as command

    command.run(a, b, page=page, out=out)


@app.command()
def gc(
    trim: Annotated[
        bool, typer.Option("--trim", help="Remove what is beyond the limits; without it, only show.")
    ] = False,
    size: Annotated[float, typer.Option(min=0.0, metavar="GB", help="What each cache may keep, used last.")] = 2.0,
    days: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Also remove of the caches what was not used for N days.")
    ] = None,
    old_results: Annotated[
        bool, typer.Option("--old-results", help="Also remove the results that --fresh set aside.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    out: Out = Path("reports"),
) -> None:
    """Show what caches, old results and kept models take, and trim them. Touches no study that is running."""
    from ablate.cli.commands import gc as command

    raise typer.Exit(command.run(command.GcArguments(out, trim, size, days, old_results, yes)))


@app.command()
def doctor(
    tracking_uri: TrackingUri = DEFAULT_URI,
    data_dir: DataDir = None,
    cluster: ClusterAddress = None,
    threads: Threads = None,
) -> None:
    """Check this machine, and a cluster: processors, GPUs, versions, data sets, the MLflow store, tokens."""
    from ablate.cli.commands import doctor as command
    from ablate.experiment.on_cluster import read_request

    asked = read_request(cluster, out=Path(), threads=threads, workers=None)
    raise typer.Exit(command.run(tracking_uri, data_dir=data_dir, cluster=asked))


def _print_version(wanted: bool) -> None:
    if wanted:
        from ablate import __version__, system

        versions = system.versions((*system.LIBRARIES, "ray"))
        typer.echo("\n".join(f"{name} {number}" for name, number in ({"ablate": __version__} | versions).items()))
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show this version and those of the libraries.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options before the command."""
    if debug:
        os.environ["ABLATE_DEBUG"] = "1"


def main() -> None:
    """The entry point: show errors that the user can fix as a message, and set the exit code."""
    try:
        app()
    except AblateError as err:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        _tell(f"ablate: {err}")
        sys.exit(UNFINISHED if isinstance(err, StorageError) else WRONG_USAGE)
    except KeyboardInterrupt:
        _tell("stopped; run the same command to resume")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `ablate … | head`
        sys.exit(DONE)


def _tell(message: str) -> None:
    with suppress(OSError, ValueError):  # a closed terminal; the exit code still reports the error
        typer.echo(message, err=True)


if __name__ == "__main__":
    main()
