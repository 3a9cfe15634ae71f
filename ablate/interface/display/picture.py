"""The progress of a study in lines: the current part with its bar, and each running trial with its curve."""

from rich.console import Group
from rich.text import Text

from ablate.experiment.progress import Progress, Running
from ablate.interface.display.progress import duration, sparkline
from ablate.study.catalog import is_transferred
from ablate.text import printable

LONGEST = 400  # characters per line: a reason comes from the model's code and may be of any length
_STOPPING = "stopping after the current epochs; interrupt again to stop at once"


def picture(progress: Progress, *, width: int) -> Group:
    """All lines, for a display `width` characters wide."""
    lines = [part_line(progress, width=width)] if progress.part else [Text("starting the workers …", style="dim")]
    lines += [_trial_line(name, running, progress) for name, running in progress.running.items()]
    if progress.stopping:
        lines.append(Text(_STOPPING, style="bold"))
    return Group(*lines)


def part_line(progress: Progress, *, width: int) -> Text:
    """The current part: its name, its bar, the best so far, what did not finish, the time left."""
    bar = max(5, min(20, width - 60))
    filled = round(bar * progress.done / max(1, progress.trials))
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{progress.part:<10}", style="bold").append("█" * filled + "░" * (bar - filled))
    line.append(f"  {progress.done}/{progress.trials}")
    if progress.best:
        line.append(f"   best {printable(progress.best, LONGEST)}")
    if counts := progress.counts():
        line.append(f"   {counts}")
    return line.append(time_left(progress))


def time_left(progress: Progress) -> str:
    """The remaining time for the end of a line: "   4:10 left", or "" while it is unknown."""
    left = progress.seconds_left()
    return f"   {duration(left)} left" if left is not None else ""


def _trial_line(name: str, running: Running, progress: Progress) -> Text:
    line = Text(f"  {printable(name, LONGEST)}  ", no_wrap=True, overflow="ellipsis", style="dim")
    if not running.curve:
        before = "pretraining, " if is_transferred(running.spec.factors) else ""
        return line.append(f"preparing: {before}range test and compilation")
    values = f"epoch {len(running.curve)}/{progress.epochs}  val {running.curve[-1]:.3f}  "
    return line.append(values).append(sparkline(running.curve))
