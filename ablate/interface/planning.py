"""A study's plan as a table."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from ablate.analysis.effects import MIN_DATA_SETS
from ablate.experiment.data_sets import check_together, list_parts
from ablate.experiment.events import Notice
from ablate.experiment.interim import typical_sd
from ablate.experiment.options import Options
from ablate.experiment.preview.planned import StudyPlan, plan_study
from ablate.experiment.preview.seed_power import SeedPower, seed_powers
from ablate.storage.folder import StudyFolder
from ablate.study.settings import StudySettings

COLUMNS = ("trials", "at_least", "done", "rounds", "seconds", "detectable_sd", "detectable")


def plan_frame(plan: StudyPlan, *, timing: bool, of: int = 1) -> pd.DataFrame:
    """A row for each part with trials, and "total"; columns as `Study.plan` describes them.

    `of`: the number of data sets of the whole study.
    """
    preview = plan.preview
    counts = {part: count for part, count in preview.counts.items() if count.most}
    rounds = preview.rounds(workers=plan.facts.workers)
    rows: dict[str, dict[str, float]] = {
        part: {
            "trials": n.most,
            "at_least": n.least,
            "done": plan.preview.done.get(part, 0),
            "rounds": rounds.get(part, 0),
        }
        for part, n in counts.items()
    }
    if (power := _power(plan, of)) is not None and "ablation" in rows:
        unit = plan.facts.task.metric.scale
        rows["ablation"] |= {"detectable_sd": power.effect, "detectable": power.typical * unit}
    total = {name: sum(row[name] for row in rows.values()) for name in COLUMNS[:4]}
    rows["total"] = {**total, "seconds": _seconds(plan, timing=timing)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis("part")
    return table.astype(dict.fromkeys(COLUMNS[:4], "int64") | dict.fromkeys(COLUMNS[4:], "float64"))


def several_frame(
    study: StudySettings, options: Options, *, timing: bool, announce: Callable[[str], None]
) -> pd.DataFrame:
    """The rows of `plan_frame` for each data set, and a total over all; the index is data set and part."""
    facts = check_together(study, options, lambda event: announce(event.text) if isinstance(event, Notice) else None)
    parts = list_parts(study, StudyFolder(options.out / facts[0].label))
    plans = {
        name: plan_study(part, options, announce=announce) for name, part in zip(study.data_sets, parts, strict=True)
    }
    tables = {name: plan_frame(plan, timing=timing, of=len(plans)) for name, plan in plans.items()}
    return with_total(tables)


def with_total(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The plans of all data sets in one table, with a total that is NaN where one of them is unknown."""
    table = pd.concat(tables, names=["data_set"])
    total = table.xs("total", level="part").sum(skipna=False)
    index = pd.MultiIndex.from_tuples([("all", "total")], names=table.index.names)
    of_all = pd.DataFrame([total], index=index).astype(table.dtypes.to_dict())
    return pd.concat([table, of_all])


def _seconds(plan: StudyPlan, *, timing: bool) -> float:
    """The wall time of what is left; NaN if unknown."""
    if not plan.preview.left and not plan.preview.unknown:
        return 0.0
    if plan.study.model.trains_itself:
        seconds = plan.own_seconds()
        return math.nan if seconds is None else seconds
    paces = plan.paces(timing=timing, say=lambda _: None)
    return plan.forecast(paces).seconds if paces else math.nan


def _power(plan: StudyPlan, of: int) -> SeedPower | None:
    """What the study's last look could detect; None if it compares nothing, or its claims do not rest on seeds."""
    preview = plan.preview
    if not preview.n_seeds or not preview.contrasts or of >= MIN_DATA_SETS:
        return None
    pilot, metric = typical_sd(plan.entries.values(), plan.facts)
    powers = seed_powers(
        preview.n_seeds,
        contrasts=preview.contrasts * of,  # one family on all data sets
        pilot=pilot,
        margin=metric.margin,
        alpha=plan.spent().level,
        overlap=plan.facts.overlap() or 0.0,
    )
    return next(power for power in powers if power.n == preview.n_seeds[-1])
