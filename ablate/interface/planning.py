"""A study's plan as a table."""

import math

import pandas as pd

from ablate.experiment.interim import typical_sd
from ablate.experiment.preview.planned import StudyPlan
from ablate.experiment.preview.seed_power import SeedPower, seed_powers

COLUMNS = ("trials", "at_least", "done", "seconds", "detectable_sd", "detectable")


def plan_frame(plan: StudyPlan, *, timing: bool) -> pd.DataFrame:
    """A row for each part with trials, and "total"; columns as `Study.plan` describes them."""
    counts = {part: count for part, count in plan.preview.counts.items() if count.most}
    rows: dict[str, dict[str, float]] = {
        part: {"trials": n.most, "at_least": n.least, "done": plan.preview.done.get(part, 0)}
        for part, n in counts.items()
    }
    if (power := _power(plan)) is not None and "ablation" in rows:
        unit = plan.facts.task.metric.scale
        rows["ablation"] |= {"detectable_sd": power.effect, "detectable": power.typical * unit}
    total = {name: sum(row[name] for row in rows.values()) for name in ("trials", "at_least", "done")}
    rows["total"] = {**total, "seconds": _seconds(plan, timing=timing)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("part")
    return table.astype(dict.fromkeys(COLUMNS[:3], "int64") | dict.fromkeys(COLUMNS[3:], "float64"))


def _seconds(plan: StudyPlan, *, timing: bool) -> float:
    """The wall time of what is left; NaN if unknown."""
    if not plan.preview.left and not plan.preview.unknown:
        return 0.0
    if plan.study.model.trains_itself:
        seconds = plan.own_seconds()
        return math.nan if seconds is None else seconds
    paces = plan.paces(timing=timing, say=lambda _: None)
    return plan.forecast(paces).seconds if paces else math.nan


def _power(plan: StudyPlan) -> SeedPower | None:
    """What the study's last look could detect; None if it compares nothing."""
    preview = plan.preview
    if not preview.n_seeds or not preview.contrasts:
        return None
    pilot, metric = typical_sd(plan.entries.values(), plan.facts)
    powers = seed_powers(
        preview.n_seeds,
        contrasts=preview.contrasts,
        pilot=pilot,
        margin=metric.margin,
        alpha=plan.spent().level,
        overlap=plan.facts.overlap() or 0.0,
    )
    return next(power for power in powers if power.n == preview.n_seeds[-1])
