"""The checklist of another tool's table: only questions that the table itself can answer."""

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.report.inputs import Inputs
from ablate.report.left_out import cut_short, missing_seeds, same_settled_seeds, source_runs, unpaired_names
from ablate.report.page import NOT_RECORDED, Check
from ablate.report.wording.phrases import MOST_NAMED
from ablate.storage.results import factor_columns
from ablate.study.trial import CUT_SHORT
from ablate.text import clauses, first_of, number_of

NOTHING_COMPARED = Check(
    "At least one comparison was made", passed=False,
    why="No configuration differs from the reference in one factor alone.",
)  # fmt: skip


def table_checks(inputs: Inputs) -> list[Check]:
    """Checks on the rows, besides those on seeds and lost runs, which studies have as well."""
    return [_one_row_a_run(inputs), _scores_vary(inputs), _separable(inputs), _others(inputs), *_folds(inputs)]


def run_checks(inputs: Inputs) -> list[Check]:
    """Whether the seeds of both sides are the same, and whether each run counts that did not finish."""
    return [_same_seeds(inputs), _counted(inputs)]


def _same_seeds(inputs: Inputs) -> Check:
    name, apart = "Every configuration has the same seeds", unpaired_names(inputs)
    has_seeds = inputs.has_seeds
    if has_seeds and same_settled_seeds(inputs):
        return Check(name, passed=True, why="Every variant and its reference have the same seeds.")
    said = [] if has_seeds else ["The table has no seed column, so no run has a partner with the same seed"]
    said += [f"No seed is shared, so the comparison is unpaired: {first_of(apart, MOST_NAMED)}"] if apart else []
    said += [f"Cut short: {clauses(stopped, MOST_NAMED)}" for stopped in [cut_short(inputs)] if stopped]
    said += [f"Missing: {clauses(missing, MOST_NAMED)}" for missing in [missing_seeds(inputs)] if missing]
    is_paired = has_seeds and bool((inputs.effects["test"] != "unpaired").any())
    said += ["Paired comparisons use the shared seeds only"] if is_paired else []
    return Check(name, passed=False if has_seeds else None, why=f"{'. '.join(said)}.")


def _counted(inputs: Inputs) -> Check:
    name, stopped = "Runs that did not finish are counted", cut_short(inputs)
    if stopped:
        return Check(name, passed=False, why=f"Left out: {clauses(stopped, MOST_NAMED)}.")
    n_lost, n_all = (int(runs["state"].isin(COUNTED_AT_CHANCE).sum()) for runs in (inputs.runs, source_runs(inputs)))
    if n_all and not n_lost:
        rest = "no comparison has a lost run, since these were retried, are part of a mean, or are not compared"
        return Check(name, None, f"{number_of(n_all, 'run')} of the table did not finish; {rest}.")
    how = f"Scored {inputs.lost_count}" if inputs.lost_count else "Counted as failures, without a score"
    return Check(name, True, f"{how}: {number_of(n_lost, 'run')}." if n_lost else "No run is recorded as lost.")


def _one_row_a_run(inputs: Inputs) -> Check:
    """Whether a configuration has several rows for a seed; without seeds, several rows may be so many seeds."""
    name, has_seeds = "One row per configuration and seed", inputs.has_seeds
    search = inputs.results[(inputs.results["phase"] == "search") & ~inputs.results["state"].isin(CUT_SHORT)]
    seeded = search[search["seed"].notna()] if has_seeds else search
    key = [*factor_columns(search), *["seed"] * has_seeds]
    is_repeated = seeded.duplicated(key)
    n_unseeded, n_repeated = len(search) - len(seeded), int(is_repeated.sum())
    if n_repeated:
        shared = seeded[seeded.duplicated(key, keep=False)]
        mean = "; their mean counts" if (shared["state"] == "finished").all() else ""
        return _repeated(name, n_repeated, mean, has_seeds=has_seeds)
    if n_unseeded:
        why = f"{number_of(n_unseeded, 'row')} without a seed {'is' if n_unseeded == 1 else 'are'} not compared."
        return Check(name, None, why)
    return Check(name, True, f"No configuration counts twice{' with the same seed' if has_seeds else ''}.")


def _repeated(name: str, n: int, mean: str, *, has_seeds: bool) -> Check:
    rows, share = number_of(n, "row"), "shares" if n == 1 else "share"
    if has_seeds:
        return Check(name, False, f"{rows} {share} configuration and seed with another{mean}.")
    return Check(name, None, f"The table has no seed column: {rows} {share} the configuration with another{mean}.")


def _scores_vary(inputs: Inputs) -> Check:
    """Whether seeds change scores: runs that all have one score hardly used their seed."""
    name, finished = "Scores differ between seeds", inputs.runs[inputs.runs["state"] == "finished"]
    of_variant = finished.groupby("variant", sort=False)["score"].agg(["size", "nunique"])
    same = of_variant.index[(of_variant["size"] > 1) & (of_variant["nunique"] == 1)]
    if not (of_variant["size"] > 1).any():
        return _scores_of_source(inputs, name)
    stuck = f"All seeds gave the same score for {first_of(list(same), MOST_NAMED)}: did the runs use their seed?"
    return Check(name, not len(same), stuck if len(same) else "No configuration has one score in all seeds.")


def _scores_of_source(inputs: Inputs, name: str) -> Check:
    """The check on the rows of the table, where each configuration counts as one run."""
    if not inputs.has_seeds:
        return Check(name, None, "The table has no seed column.")
    rows = source_runs(inputs)
    finished = rows[rows["state"] == "finished"]
    configurations = finished.groupby(list(factor_columns(finished)), sort=False, dropna=False)
    of_all = configurations["score"].agg(["size", "nunique"])
    several = of_all[of_all["size"] > 1]
    if several.empty or (several["nunique"] > 1).any():
        return Check(name, None, "No compared configuration has two finished runs.")
    n = number_of(len(finished), "run")
    why = f"All seeds of a configuration have the same score ({n}): did the runs use their seed?"
    return Check(name, passed=False, why=why)


def _separable(inputs: Inputs) -> Check:
    said = inputs.facts.aliased or ()
    why = clauses([text.removesuffix(".") for text in said], MOST_NAMED)
    clear = "No factor is decided by others."
    return Check("Effects of the factors can be separated", not said, f"{why}." if said else clear)


def _others(inputs: Inputs) -> Check:
    """Whether other columns than the factors are alike in what is compared; what the user trusts does not pass."""
    facts, name = inputs.facts, "No other setting differs between what is compared"
    differing = [*(facts.confounded or ()), *(facts.separating or ())]
    if said := [text.removesuffix(".") for text in (*differing, *(facts.ignored or ()))]:
        return Check(name, passed=False if differing else None, why=f"{clauses(said, MOST_NAMED)}.")
    over = facts.also_varies or ()
    if over:
        averaged = f"Comparisons average over {first_of(list(over), MOST_NAMED)}, with the same mix on both sides"
        return Check(name, passed=True, why=f"{averaged}{_not_looked_at(inputs)}.")
    return Check(name, passed=True if facts.looked_at else None, why=_no_difference(inputs))


def _no_difference(inputs: Inputs) -> str:
    """What was compared without finding a difference, and what was not."""
    seen, left_out = inputs.facts.looked_at, _not_looked_at(inputs)
    if seen is None:
        return NOT_RECORDED
    if not seen:
        return f"No other column was compared{left_out}." if left_out else "The table has no other column that varies."
    return f"No systematic difference is shown in {first_of(list(seen), MOST_NAMED)}{left_out}."


def _not_looked_at(inputs: Inputs) -> str:
    unseen = inputs.facts.not_looked_at or ()
    return f"; left out: {first_of(list(unseen), MOST_NAMED)}" if unseen else ""


def _folds(inputs: Inputs) -> list[Check]:
    if inputs.facts.overlap is None:
        return []
    why = f"Replicates are folds ({inputs.facts.seed_column}); their variance is corrected for shared training data."
    return [Check("Overlapping folds are allowed for", passed=True, why=why)]
