"""`ablate lr`: the learning-rate range test of a study's baseline."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ablate import system
from ablate.clock import Clock
from ablate.errors import StudyError
from ablate.interface.display.progress import sparkline
from ablate.interface.display.stream import say
from ablate.interface.study import Study
from ablate.storage.files.atomic import opening
from ablate.study.catalog import level_in
from ablate.study.seeds import SEARCH_REPLICATE
from ablate.study.settings import StudySettings
from ablate.study.task import LOSS
from ablate.study.trial import RateTest
from ablate.training.range_test import rate_for


def run(name: str, *, overrides: Sequence[str], out: Path, data_dir: Path | None, quick: bool) -> None:
    """Run the test, print what each rule suggests, and draw the curve."""
    study = Study.read(name, overrides=overrides, quick=quick).settings
    if study.model.trains_itself:
        raise StudyError(
            f"{study.source}: {study.model.name} trains by itself, and a range test needs a network trained by ablate\n"
            '  name a factor learning_rate; ablation.learning_rate = "tune" tries five rates for each variant'
        )
    test, unit, folder = _find(study, out, data_dir)
    console = Console(highlight=False)
    say(console, [
        f"{study.name}   learning-rate range test of the baseline",
        f"loss     {sparkline(_thinned(test.losses))}   {test.rates[0]:.1e} … {test.rates[-1]:.1e}   "
        f"from {test.losses[0]:.3g}{f' {unit}' if unit else ''}",
    ])  # fmt: skip
    table = Table(box=None, pad_edge=False, show_header=False)
    for rule, rate in test.rules.items():
        table.add_row(rule, f"{rate:.2e}" if rate is not None else "no rate")
    console.print(table)
    if test.verdict == "undetermined":
        said = f"undetermined: {test.reason}; a study would use the guess {test.suggestion:.2e}"
    else:
        said = f"suggested learning rate {test.suggestion:.2e}"
    schedule = str(level_in(study.baseline, "schedule"))
    if (highest := rate_for(test, schedule)) != test.suggestion:
        said += f"; with {schedule} up to {highest:.2e}"
    say(console, [said, f"figure   {_draw(test, folder, unit=unit)}   {test.seconds:.1f} s"])


def _find(study: StudySettings, out: Path, data_dir: Path | None) -> tuple[RateTest, str, Path]:
    """The test, the unit of its losses, and the study's folder."""
    from ablate.study.backend import backend_of
    from ablate.training.engine.device import prepare_backend

    prepare_backend(backend_of(study))
    from ablate.experiment.options import label, open_data
    from ablate.training.engine.context import TrainingContext
    from ablate.training.pretraining import find_origin
    from ablate.training.run_range_test import RateFinder
    from ablate.workers.queue import room_of_worker

    data = open_data(study, data_dir, announce=print)
    cache = out / ".cache"
    memory, gpu_memory = system.memory_bytes(), system.gpu_memory_bytes()
    room = room_of_worker(1, memory=memory, gpu_memory=gpu_memory, limits=study.limits)
    context = TrainingContext(study, data, origin=find_origin(study, data, cache=cache, room=room), room=room)
    if context.placement.is_streamed:
        print(context.placement.said())
    finder = RateFinder(context, cache=cache / "lr_tests")
    test = finder.find(study.baseline, Clock(), replicate=SEARCH_REPLICATE)
    return test, context.task.metric_of(LOSS).unit, out / label(study, data)


def _draw(test: RateTest, folder: Path, *, unit: str) -> Path:
    from ablate.report.plots import lr_test_svg
    from ablate.storage.files.atomic import write_aside

    path = folder / "lr_test.svg"
    with opening(folder):
        write_aside(path, lr_test_svg(test, unit=unit))
    return path


def _thinned(losses: Sequence[float]) -> list[float]:
    """20 points of the curve, each at most twice the first loss: a diverging loss would flatten the rest."""
    ceiling = losses[0] + abs(losses[0])
    places = [round(i * (len(losses) - 1) / 19) for i in range(20)]
    return [min(losses[place], ceiling) for place in places]
