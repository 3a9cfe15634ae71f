"""A command line into one call. Heavy libraries are imported inside the commands, so that `--help` is instant."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ablate.cli.commands import DONE, INTERRUPTED, UNFINISHED, WRONG_USAGE
from ablate.errors import AblateError, StorageError

if TYPE_CHECKING:
    from ablate.experiment.options import Only


DEFAULT_URI = "sqlite:///mlflow.db"
app = typer.Typer(
    name="ablate",
    help="Which part of my network matters? Hyperparameter search and ablation studies with honest statistics.",
    epilog="Start with: ablate study digits_mlp",
    no_args_is_help=True,
    add_completion=False,
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


Name = Annotated[str, typer.Argument(help="A study in ./studies or bundled, or a path to a .toml file.")]
Sets = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; dotted, repeatable.")]
Out = Annotated[Path, typer.Option(help="Where results go, a folder a study.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of .npz data sets. Given, nothing is downloaded or stood in for.")
]
TrackingUri = Annotated[str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store.")]
Workers = Annotated[
    int | None,
    typer.Option(
        parser=read_count,
        metavar="auto|N",
        show_default="auto",
        help="Worker processes; auto: one a GPU or one a core, as far as memory goes.",
    ),
]
StackSize = Annotated[
    int | None,
    typer.Option(
        parser=read_count, metavar="auto|K", show_default="auto", help="Trials of one structure trained as one program."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="A cut-down run for a try; its results are kept apart.")]


@app.command()
def study(
    name: Name,
    set_: Sets = [],  # noqa: B006  # typer copies it
    workers: Workers = None,
    stack: StackSize = None,
    out: Out = Path("reports"),
    tracking_uri: TrackingUri = DEFAULT_URI,
    data_dir: DataDir = None,
    only: Annotated[str | None, typer.Option(help="Run one phase alone: search or ablation.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew; former results are kept aside.")] = False,
    continue_: Annotated[
        bool, typer.Option("--continue", help="Go on with a changed study file, where finished trials stay valid.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Train again what failed or ran out of memory in the comparison.")
    ] = False,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take the very same trials from earlier studies, or train all.")
    ] = True,
    quick: Quick = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of the display.")] = False,
) -> None:
    """Run a study: search, ablation, test scores, report. Goes on where an interrupted run stopped."""
    if only not in (None, "search", "ablation"):
        raise AblateError(f'--only {only}: must be "search" or "ablation"')
    if fresh and continue_:
        raise AblateError("--fresh and --continue: choose one: a new start, or going on with what there is")
    from ablate.cli.commands import study as command
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
    )
    chosen = command.StudyArguments(name, tuple(set_), quick=quick, as_json=json)
    raise typer.Exit(command.run(chosen, options))


@app.command()
def plan(
    name: Name,
    set_: Sets = [],  # noqa: B006  # typer copies it
    workers: Workers = None,
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    timing: Annotated[
        bool, typer.Option("--time/--no-time", help="Train an epoch of each structure of unknown pace.")
    ] = True,
    quick: Quick = False,
) -> None:
    """What a study would do now: trials, what is done, about how long it takes, the smallest effect it can show."""
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
    """Learning-rate range test of a study's baseline: curve, rules, suggestion."""
    from ablate.cli.commands import lr as command

    command.run(name, overrides=set_, out=out, data_dir=data_dir, quick=quick)


@app.command()
def report(name: Name, out: Out = Path("reports")) -> None:
    """Rebuild the report of a study from its results table. NAME may also be a folder with a results.csv."""
    from ablate.cli.commands import report as command

    command.run(name, out=out)


@app.command()
def verify(
    name: Name,
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="So many trials, over phases and variants.")] = 3,
    trial: Annotated[list[str], typer.Option("--trial", metavar="TRIAL", help="This very trial; repeatable.")] = [],  # noqa: B006
    all_: Annotated[bool, typer.Option("--all", help="Every trial.")] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Allowed difference of scores; else 0 where the machine is the recorded one."),
    ] = None,
    workers: Workers = None,
    out: Out = Path("reports"),
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Train recorded trials of a study once more and compare: to the bit, on the machine that it ran on."""
    from ablate.cli.commands import verify as command
    from ablate.experiment.verify import VerifyOptions

    asked = VerifyOptions(trials, tuple(trial), every=all_, tolerance=tolerance, workers=workers)
    raise typer.Exit(command.run(command.VerifyArguments(name, asked, out=out, data_dir=data_dir, as_json=json)))


@app.command()
def analyze(
    source: Annotated[
        str, typer.Argument(help="A table (CSV, JSON, Parquet, …), mlflow:EXPERIMENT, or an Optuna storage: study.db.")
    ],
    factors: Annotated[
        str, typer.Option(metavar="A,B,…", help="Columns that were varied; else all that can have been.")
    ] = "",
    score: Annotated[str, typer.Option(metavar="COLUMN", help="What is compared.")] = "",
    seed: Annotated[
        str, typer.Option(metavar="COLUMN", help="Runs of one seed are paired; FOLD,SEED: of one fold and seed.")
    ] = "",
    reference: Annotated[
        str, typer.Option(metavar="A=1,B=x", help="What variants are compared with; else the one with most variants.")
    ] = "",
    target: Annotated[
        str, typer.Option(metavar="A=2,B=y", help="Where paths lead in a complete table; else its best configuration.")
    ] = "",
    direction: Annotated[str, typer.Option(metavar="maximize|minimize", help="Which scores are better.")] = "",
    margin: Annotated[
        float | None, typer.Option(help="Differences up to this do not matter; in the score's unit.")
    ] = None,
    unit: Annotated[str, typer.Option(help='The score\'s unit; "points" shows fractions in percent.')] = "",
    states: Annotated[
        str,
        typer.Option(
            metavar="WORD=STATE,…",
            help="How runs ended whose state is WORD: finished, pruned, diverged, out_of_memory, failed or killed.",
        ),
    ] = "",
    state: Annotated[str, typer.Option(metavar="COLUMN", help="The column of these words.")] = "",
    study: Annotated[str | None, typer.Option(help="Of several studies in an Optuna storage.")] = None,
    name: Annotated[str, typer.Option(help="Name of the report's folder; else the source's.")] = "",
    out: Out = Path("reports"),
    tracking_uri: TrackingUri = DEFAULT_URI,
) -> None:
    """Statistics and a report for anybody's table of runs. Our own results.csv needs no options."""
    from ablate.analysis.imports import Asked
    from ablate.cli.commands import analyze as command

    columns = tuple(column.strip() for column in factors.split(",") if column.strip())
    asked = Asked(columns, score, seed, direction, reference, target, margin, unit, states, state)
    place = command.ReportPlace(source, study, tracking_uri, name, out)
    command.run(place, asked, command_line=shlex.join(["ablate", *sys.argv[1:]]))


@app.command("list")
def list_() -> None:
    """The studies there are: your own in ./studies, and those that come with ablate."""
    from ablate.cli.commands import studies

    studies.run_list(Path.cwd())


@app.command()
def show(name: Name, set_: Sets = [], quick: Quick = False, data_dir: DataDir = None) -> None:  # noqa: B006
    """One study resolved, every default written out, with its trials and its model's parameter count."""
    from ablate.cli.commands import studies

    studies.run_show(name, overrides=set_, quick=quick, data_dir=data_dir)


@app.command()
def new(name: Annotated[str, typer.Argument(help="Name of the study; makes studies/NAME.toml here.")]) -> None:
    """A commented study file to start from."""
    from ablate.cli.commands import studies

    studies.run_new(name, folder=Path.cwd())


@app.command()
def ui(
    tracking_uri: TrackingUri = DEFAULT_URI,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
) -> None:
    """MLflow's web pages on the store in use, on this machine only."""
    from ablate.cli.commands import ui as command

    raise typer.Exit(command.run(tracking_uri, host=host, port=port))


@app.command()
def doctor(tracking_uri: TrackingUri = DEFAULT_URI, data_dir: DataDir = None) -> None:
    """What this machine has: processors, GPUs, versions, data sets, the tracking store."""
    from ablate.cli.commands import doctor as command

    raise typer.Exit(command.run(tracking_uri, data_dir=data_dir))


def _print_version(wanted: bool) -> None:
    if wanted:
        from ablate import __version__

        typer.echo(f"ablate {__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the command."""
    if debug:
        os.environ["ABLATE_DEBUG"] = "1"


def main() -> None:
    """The entry point: errors that are the user's to mend are shown as a message, and decide the exit code."""
    try:
        app()
    except AblateError as err:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        _tell(f"ablate: {err}")
        sys.exit(UNFINISHED if isinstance(err, StorageError) else WRONG_USAGE)
    except KeyboardInterrupt:
        _tell("stopped; the same command resumes")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `ablate … | head`
        sys.exit(DONE)


def _tell(message: str) -> None:
    with suppress(OSError, ValueError):  # a terminal that was closed; the exit code tells
        typer.echo(message, err=True)


if __name__ == "__main__":
    main()
