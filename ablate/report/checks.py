"""The checklist: the questions of a careful reader, each passed, failed or unknown, with the reason."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, MIN_DATA_SETS
from ablate.analysis.effects.metric import is_reference
from ablate.analysis.statistics import least_seeds
from ablate.report import imported_checks, own_trials
from ablate.report.inputs import Inputs
from ablate.report.page import NOT_RECORDED, Check
from ablate.report.rate_checks import rate_checks
from ablate.report.test_set_checks import preregistered, read_once
from ablate.report.wording.phrases import MOST_NAMED
from ablate.study.cautions import KINDS, QUESTIONS, CautionKind, Question, question_of_gap
from ablate.study.task import LOSS
from ablate.study.trial import CUT_SHORT
from ablate.text import clauses, first_of, listed, number_of

NOTHING_COMPARED = Check(
    "At least one comparison was made", passed=False, why="No comparison has a run on the test set yet."
)


def checklist(inputs: Inputs) -> list[Check]:
    """Every check that applies to the study; checks of the comparisons come first."""
    checks = [NOTHING_COMPARED]
    if inputs.is_imported:
        return [*_imported_checks(inputs), *_caution_checks(inputs)]
    if len(inputs.confirmatory()):
        checks = [preregistered(inputs), *_seed_checks(inputs), *rate_checks(inputs), *_run_checks(inputs)]
    return [*checks, *_caution_checks(inputs), *_origin_checks(inputs)]


def _imported_checks(inputs: Inputs) -> list[Check]:
    """The checks that a table can answer; how its runs were made, it cannot tell."""
    if not len(inputs.confirmatory()):
        return [imported_checks.NOTHING_COMPARED]
    return [_enough(inputs), *imported_checks.run_checks(inputs), *imported_checks.table_checks(inputs)]


def _seed_checks(inputs: Inputs) -> list[Check]:
    tuning = inputs.tuning_seeds()
    shared = sorted(tuning & {int(seed) for seed in inputs.confirmatory()["seed"].dropna()})
    tuned_on = (
        "Nothing was searched or tuned." if not tuning
        else f"Tuning and comparisons share seed {_named(shared)}." if shared
        else f"Tuning used seed {_named(sorted(tuning))}; the comparisons used other seeds."
    )  # fmt: skip
    return [
        _enough(inputs),
        _planned(inputs),
        _same_seeds(inputs),
        Check("Tuned on other seeds", not shared, tuned_on),
    ]


def _enough(inputs: Inputs) -> Check:
    primary = inputs.primary_effects()
    if inputs.data_sets is not None:
        primary, pooled = inputs.data_sets.of_mode(inputs.modes[0])
        if inputs.data_sets.is_pooled_primary:
            return _enough_data_sets(int(pooled["n"].min()))
    n = int(primary["n"].min()) if len(primary) else 0
    least, p_level = least_seeds(alpha=inputs.level), f"{inputs.level:.3g}".removeprefix("0")
    smallest = primary[primary["n"] == n] if len(primary) else primary
    has = number_of(n, "paired seed")
    if len(smallest) and (smallest["test"] == "unpaired").all():
        has = f"{number_of(n, 'run')} on its smaller side, unpaired"
    if not inputs.has_seeds:
        why = f"The table has no seed column; p = {p_level} needs {least} seeds or more."
        return Check("Enough seeds", passed=False, why=why)
    why = f"The smallest comparison has {has}; p = {p_level} needs {least} or more."
    return Check("Enough seeds", n >= least, why)


def _enough_data_sets(n: int) -> Check:
    why = f"The smallest comparison has {number_of(n, 'data set')}; a claim about others needs {MIN_DATA_SETS} or more."
    return Check("Enough data sets", n >= MIN_DATA_SETS, why)


def _planned(inputs: Inputs) -> Check:
    """Whether every cell has its planned seeds, each with a result."""
    name, complete, planned = "No planned run is missing", inputs.facts.complete, inputs.facts.seeds
    if complete is None:
        return Check(name, None, NOT_RECORDED)
    if not complete:
        return Check(name, passed=False, why="Trials are missing; run the same command again to resume.")
    runs = inputs.confirmatory()
    settled = runs[~runs["state"].isin(CUT_SHORT)]
    cells = runs.drop_duplicates(["variant", "mode"])[["variant", "mode"]]
    seeds = settled.groupby(["variant", "mode"])["seed"].nunique()
    least = planned if isinstance(planned, int) else min(inputs.looks, default=1)
    short = [variant for variant, mode in cells.itertuples(index=False) if seeds.get((variant, mode), 0) < least]
    seeds_said = ("" if isinstance(planned, int) else "at least ") + number_of(least, "seed")
    all_there = f"{number_of(len(cells), 'configuration')}, each with {seeds_said}."
    why = f"Seeds are missing for {_named(short)}." if short else all_there
    return Check(name, not short, why)


def _same_seeds(inputs: Inputs) -> Check:
    runs = inputs.runs
    seeds = runs.groupby(["variant", "mode"])["seed"].agg(frozenset)
    everyone = frozenset(runs.loc[is_reference(runs), "seed"])
    if inputs.looks:  # variants that were decided early have fewer seeds, from the start of the same list
        starts = {frozenset(sorted(everyone)[:n]) for n in inputs.looks}
        is_same, said = set(seeds) <= starts, "Every configuration used one list of seeds, from its start to a look."
    else:
        is_same, said = seeds.nunique() <= 1, "Every variant and its reference ran the same seeds."
    why = said if is_same else "Some configurations lack seeds that others have; comparisons use the paired seeds only."
    return Check("Every configuration has the same seeds", is_same, why)


def _run_checks(inputs: Inputs) -> list[Check]:
    return [read_once(inputs), _counted(inputs), *_reuse(inputs)]


def _counted(inputs: Inputs) -> Check:
    runs = inputs.runs
    lost = int(inputs.effects["diverged"].sum())
    variants = runs[~is_reference(runs)]
    is_counted = variants["trial"].isin(inputs.scores["trial"])
    if not inputs.lost_count:  # then lost runs have no score, and count as failures alone
        is_counted |= variants["state"].isin(COUNTED_AT_CHANCE)
    unpaired = int(((variants["state"] != "finished") & ~is_counted).sum())
    how = f"Scored {inputs.lost_count}" if inputs.lost_count else "Counted as failures, without a score"
    counted = f"{how}: {number_of(lost, 'run')}." if lost else "Every run finished."
    missing = f"Not counted, stopped or without a pair: {number_of(unpaired, 'run')}."
    return Check("Runs that did not finish are counted", not unpaired, missing if unpaired else counted)


def _reuse(inputs: Inputs) -> list[Check]:
    results = inputs.results
    taken = results["same_as"].astype(str) if "same_as" in results else pd.Series(dtype=str)
    taken = taken[taken != ""]
    if taken.empty:
        return []
    studies = (inputs.facts.reused and inputs.facts.reused.from_) or []
    known = taken.isin(results["trial"]) | taken.str.startswith(tuple(f"{study}/" for study in studies))
    elsewhere = int((~taken.isin(results["trial"])).sum())
    reuse = "row reuses" if len(taken) == 1 else "rows reuse"
    why = f"{len(taken):,} {reuse} the result of an identical run and {'says' if len(taken) == 1 else 'say'} which"
    why += f"; {elsewhere:,} {'comes' if elsewhere == 1 else 'come'} from {_named(studies)}." if elsewhere else "."
    lost = int((~known).sum())
    unknown = f"Reused results of unknown origin: {number_of(lost, 'row')}."
    return [Check("Reused results name their run", not lost, unknown if lost else why)]


def _caution_checks(inputs: Inputs) -> list[Check]:
    """One check per kind of caution that was recorded; none in studies of older versions."""
    cautions, remarks = inputs.facts.cautions or {}, inputs.facts.remarks or {}
    return [
        _caution_check(_question(kind, inputs), cautions[kind], remarks.get(kind)) for kind in KINDS if kind in cautions
    ]


def _question(kind: CautionKind, inputs: Inputs) -> Question:
    """The line of a kind; that of the gap to the test set names the metric that was looked at."""
    by_name = {metric.name: metric for metric in inputs.task.metrics}
    decides = inputs.task.decides
    judged = by_name.get("accuracy" if decides == LOSS and "accuracy" in by_name else decides)
    if kind != "test_gap" or judged is None:
        return QUESTIONS[kind]
    return question_of_gap(judged.name, goal=judged.goal, unit=judged.unit)


def _caution_check(question: Question, seen: Sequence[str], remark: str | None) -> Check:
    said = clauses([text.removesuffix(".") for text in seen], MOST_NAMED)
    return Check(question.name, not seen, f"{said}." if seen else remark or question.clear)


def _origin_checks(inputs: Inputs) -> list[Check]:
    stand_in, quick = inputs.data.stand_in, inputs.facts.quick
    brings_data = bool(inputs.own_trial) and inputs.facts.data is None
    return [
        own_trials.data_check(inputs) if brings_data else
        Check("Real data", None if stand_in is None else not stand_in,
              NOT_RECORDED if stand_in is None else
              "Built-in synthetic data: the numbers say nothing about the real data set." if stand_in
              else _from_where(inputs)),
        Check("Full budget", None if quick is None else not quick,
              NOT_RECORDED if quick is None else "--quick cut the budget, to try things out." if quick
              else "The study's own budget."),
        _code(inputs),
        *_changes(inputs),
    ]  # fmt: skip


def _from_where(inputs: Inputs) -> str:
    """ "Data from a.npz."; of several data sets, those of one source together."""
    found: dict[str, list[str]] = {}
    for data in inputs.facts.data_sets or [inputs.data]:
        found.setdefault(data.source or "an unknown source", []).append(data.name or "Data")
    return f"{'; '.join(f'{listed(names)} from {source}' for source, names in found.items())}."


def _code(inputs: Inputs) -> Check:
    name, facts = "Code recorded and unchanged", inputs.facts
    git = facts.git if facts.git and facts.git.commit else None
    model, version = inputs.model_ref, facts.ablate_version
    commit = f"Commit {(git.commit or '')[:12] if git else ''}"
    if git and not git.dirty:
        return Check(name, passed=True, why=f"{commit}, without uncommitted changes.")
    code = str(inputs.model.get("code") or "")  # of the study's own functions
    is_built_in = bool(model.registered and version and not code)
    if is_built_in and (not git or facts.package_in_checkout is False):
        why = f"The model {model.registered} is part of ablate {version}: no other code ran."
        return Check(name, passed=True, why=why)
    if git:
        return Check(name, passed=False, why=f"{commit}, with uncommitted changes.")
    whose = "the study's own functions have" if model.registered else "the model's file has"
    if inputs.own_trial:
        whose = (
            "the file of the function has" if inputs.own_trial == "train" else "the files that the command names have"
        )
    digest = f"; {whose} the digest {code[:12]}…" if code else ""
    return Check(name, None, f"No git commit is recorded, because the study ran outside a git checkout{digest}.")


def _changes(inputs: Inputs) -> list[Check]:
    """Changes of study, code and versions between the runs of a study; empty if nothing changed."""
    changes = inputs.facts.changes or ()
    name = "Study and code stayed the same from the first trial to the last"
    return [Check(name, passed=False, why=f"{'; '.join(changes)}.")] if changes else []


def _named(items: Sequence[str] | Sequence[int]) -> str:
    return first_of(items, MOST_NAMED)
