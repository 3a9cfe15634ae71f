"""Say which differences a study could detect, and what more seeds would change."""

import math
from collections.abc import Sequence

from rich.table import Table

from ablate.analysis.effects import Metric
from ablate.analysis.statistics import least_seeds
from ablate.analysis.statistics.pilot import PilotSd
from ablate.experiment.preview.seed_power import SeedPower
from ablate.report.wording import percent
from ablate.storage.preregistration import ALPHA
from ablate.text import number_of

NO_TEST = "no test"


def power_said(
    powers: Sequence[SeedPower],
    *,
    own: Sequence[int],
    contrasts: int,
    pilot: PilotSd,
    metric: Metric,
    level: float = ALPHA,
) -> list[str]:
    """What the study's `own` numbers of seeds could detect at a level, and how well the SD is known."""
    comparisons, least, lines = number_of(contrasts, "comparison"), least_seeds(alpha=level), []
    for power in (power for power in powers if power.n in own):
        said = f"with {number_of(power.n, 'seed')} and {comparisons} "
        if not power.is_tested:
            at = "" if level == ALPHA else f" at {percent(level)}"
            lines.append(f"{said}there is no test and no verdict: a test{at} needs {least} seeds")
            continue
        size = f"{power.effect:.2f} SD of the paired differences"
        known = f"{_size(power.typical, metric)} {metric.unit}".rstrip() + f" ({size})"
        more = "" if any("detect" in line for line in lines) else f"; 80 % power, family-wise {percent(level)}"
        lines.append(f"{said}you can detect {known if math.isfinite(pilot.sd) else size}{more}")
    return [f"{'' if number else 'detect':<10}{line}" for number, line in enumerate([*lines, _known(pilot, metric)])]


def power_table(powers: Sequence[SeedPower], *, pilot: PilotSd, metric: Metric) -> Table:
    """One row for each number of seeds."""
    unit = f", {metric.unit}" if metric.unit else ""
    has_pilot = math.isfinite(pilot.sd)
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    heads = [f"detects{unit}", "at the upper SD"] if has_pilot else ["detects, SD"]
    if has_pilot and metric.margin > 0:
        heads.append(f"power for {metric.margin * metric.scale:.2g}{unit.replace(',', '')}")
    for head in ("seeds", *heads):
        table.add_column(head, justify="right", overflow="fold")
    for power in powers:
        sizes = [_size(power.typical, metric), _size(power.cautious, metric)] if has_pilot else [f"{power.effect:.2f}"]
        cells = [*sizes, _span(power.of_margin)][: len(heads)]
        table.add_row(str(power.n), *(cells if power.is_tested else [NO_TEST, *[""] * (len(heads) - 1)]))
    return table


def _known(pilot: PilotSd, metric: Metric) -> str:
    if not math.isfinite(pilot.sd):
        return "the SD is not known before two seeds have run, so sizes are in SDs of the paired differences"
    low, sd, high = (_size(value, metric) for value in (pilot.low, pilot.sd, pilot.high))
    of = f"{number_of(pilot.contrasts, 'comparison')} of {number_of(pilot.seeds, 'seed')}"
    return (
        f"SD so far {sd}{f' {metric.unit}' if metric.unit else ''}, 95 % limits {low} to {high} ({of}): plan with the "
        "upper one"
    )


def _span(powers: tuple[float, float]) -> str:
    """The power at the SD's upper limit and at the SD: "12 to 40 %"."""
    low, high = (f"{100 * power:.0f}" for power in powers)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _size(value: float, metric: Metric) -> str:
    return f"{value * metric.scale:#.2g}".rstrip(".")
