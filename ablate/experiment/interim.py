"""Summarise the trials so far: best entry, reference, undecided comparisons, typical SD, states, headline metrics."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias

import pandas as pd

from ablate.analysis.effects import Metric, effects_table, primary_metric, undecided
from ablate.analysis.pareto import Front, search_front
from ablate.analysis.statistics import spend
from ablate.analysis.statistics.pilot import PilotSd, pilot_sd
from ablate.data.trees import n_examples
from ablate.plans import FIRST_SEED
from ablate.storage.facts import Facts
from ablate.storage.journal import Entry
from ablate.storage.models import best_of
from ablate.storage.provenance import FrontFacts
from ablate.storage.results import epochs_table, results_table
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors

Contrasts: TypeAlias = frozenset[tuple[str, str]]  # by variant and mode
BestRule: TypeAlias = Callable[[Iterable[Entry]], Entry | None]  # of the entry whose configuration counts as the best


def best_entry(entries: Iterable[Entry]) -> Entry | None:
    """The finished search trial with the highest score; in case of a tie the first that was asked for."""
    return best_of(e for e in entries if e.spec.label.phase == "search" and e.outcome.state == "finished")


def choice_of(facts: Facts) -> BestRule:
    """How a study chooses the best configuration: by the score, or on the front of several objectives."""
    return partial(_chosen, facts=facts) if facts.objectives else best_entry


def front_so_far(entries: Iterable[Entry], facts: Facts) -> Front:
    """The front of a search with several objectives."""
    entries = list(entries)
    return search_front(
        results_table(((e.spec, e.outcome, e.run_id) for e in entries), metrics=facts.task.names),
        epochs_table(epoch for e in entries for epoch in e.epochs),
        facts.objectives,
        task=facts.about_task(),
        tolerance=facts.study.search.tolerance,
        n_validation=facts.sizes().n_validation,
    )


def front_facts(entries: Iterable[Entry], facts: Facts) -> FrontFacts | None:
    """The front as the provenance has it; None if the search has one objective, or the study has no search."""
    entries = list(entries)
    has_search = facts.study.search.trials or any(entry.spec.label.phase == "search" for entry in entries)
    if not (facts.objectives and has_search):
        return None
    front = front_so_far(entries, facts)
    return FrontFacts([one.name for one in front.objectives], front.tolerance, front.chosen or None)


def _chosen(entries: Iterable[Entry], *, facts: Facts) -> Entry | None:
    entries = list(entries)
    trial = front_so_far(entries, facts).chosen
    return next((entry for entry in entries if entry.spec.trial == trial), None)


def reference_so_far(study: StudySettings, entries: Iterable[Entry], choose: BestRule = best_entry) -> Factors:
    """The configuration that variants are compared with; the baseline until the search has found the best."""
    best = choose(entries) if study.ablation.reference == "best" else None
    return best.spec.factors if best else study.baseline


def open_contrasts(
    entries: Iterable[Entry], facts: Facts, *, seeds: Sequence[int], look: int, alpha: float = 0.05
) -> Contrasts:
    """The (variant, mode) still undecided after look number `look` (from 1), judged by the seeds of that look.

    `seeds` are the seeds of each look; results of later looks are ignored, so that a resumed study decides the same.
    `alpha`: the level of all looks together.
    """
    results, metric = _judged((e for e in entries if e.spec.seed < FIRST_SEED + seeds[look - 1]), facts)
    return undecided(results, metric, looks=spend(seeds, alpha=alpha), look=look, alpha=alpha)


def typical_sd(entries: Iterable[Entry], facts: Facts) -> tuple[PilotSd, Metric]:
    """The SD of the paired differences so far, in the file's unit of the metric; NaN without two seeds.

    Comparisons with a lost run do not count: their SD is that of runs and failures together.
    """
    results, metric = _judged(entries, facts)
    effects = effects_table(results, metric, overlap=facts.overlap() or 0.0)
    whole = effects[effects["diverged"] == 0]
    return pilot_sd(whole["sd"].tolist(), whole["n"].astype(int).tolist()), metric


def _judged(entries: Iterable[Entry], facts: Facts) -> tuple[pd.DataFrame, Metric]:
    """The confirmatory rows, and the metric on which they are compared."""
    confirmed = [entry for entry in entries if entry.spec.label.phase == "ablation"]
    results = results_table(((e.spec, e.outcome, e.run_id) for e in confirmed), metrics=facts.task.names)
    metric = primary_metric(
        results,
        task=facts.about_task(),
        n_test=n_examples(facts.data.x_test),
        margin=facts.study.ablation.margin,
    )
    return results, metric


def count_states(entries: Iterable[Entry]) -> dict[str, int]:
    """Number of trials in each state, in the order in which the states first appeared."""
    states = [entry.outcome.state for entry in entries]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def headline_metrics(entries: Sequence[Entry]) -> dict[str, float]:
    """Metrics that the study's own run shows besides its effects."""
    best = best_entry(entries)
    score = {"best_score": best.outcome.score} if best and best.outcome.score is not None else {}
    return {"trials_finished": count_states(entries).get("finished", 0), **score}
