"""The checklist of another tool's table: only questions that the table itself can answer."""

from ablate.report.inputs import Inputs
from ablate.report.page import Check
from ablate.storage.results import factor_columns
from ablate.text import clauses, first_of, number_of

NOTHING_COMPARED = Check(
    "At least one comparison was made", passed=False,
    why="No configuration differs from the reference in one factor alone.",
)  # fmt: skip
MOST_NAMED = 8  # items of a list in a reason


def table_checks(inputs: Inputs) -> list[Check]:
    """Checks on the rows, besides those on seeds and lost runs, which studies have as well."""
    return [_one_row_a_run(inputs), _scores_vary(inputs), _separable(inputs), _others(inputs), *_folds(inputs)]


def _one_row_a_run(inputs: Inputs) -> Check:
    name, search = "One row per configuration and seed", inputs.results[inputs.results["phase"] == "search"]
    key = [*factor_columns(search), "seed"]
    repeated = int(search[search["seed"].notna()].duplicated(key).sum())
    if not repeated:
        return Check(name, passed=True, why="No configuration appears twice with the same seed.")
    rows = f"{number_of(repeated, 'row')} share configuration and seed with another; their mean counts."
    return Check(name, passed=False, why=rows)


def _scores_vary(inputs: Inputs) -> Check:
    """Whether seeds change scores: runs that all have one score hardly used their seed."""
    name, finished = "Scores differ between seeds", inputs.runs[inputs.runs["state"] == "finished"]
    of_variant = finished.groupby("variant", sort=False)["score"].agg(["size", "nunique"])
    same = of_variant.index[(of_variant["size"] > 1) & (of_variant["nunique"] == 1)]
    if not (of_variant["size"] > 1).any():
        return Check(name, None, "No configuration has two finished runs.")
    stuck = f"All seeds gave the same score for {first_of(list(same), MOST_NAMED)}: did the runs use their seed?"
    return Check(name, not len(same), stuck if len(same) else "No configuration has one score in all seeds.")


def _separable(inputs: Inputs) -> Check:
    said = inputs.facts.aliased or ()
    why = clauses([text.removesuffix(".") for text in said], MOST_NAMED)
    clear = "No factor is decided by others."
    return Check("Effects of the factors can be separated", not said, f"{why}." if said else clear)


def _others(inputs: Inputs) -> Check:
    """Whether other columns than the factors are alike in what is compared, or the user called them harmless."""
    said, over = inputs.facts.confounded or (), inputs.facts.also_varies or ()
    name = "No other setting differs between what is compared"
    if said:
        return Check(name, passed=False, why=f"{clauses([text.removesuffix('.') for text in said], MOST_NAMED)}.")
    if trusted := inputs.facts.ignored:
        return Check(name, passed=None, why=f"{clauses(list(trusted), MOST_NAMED)}.")
    averaged = f"Comparisons average over {first_of(list(over), MOST_NAMED)}, with the same mix on both sides."
    return Check(
        name, passed=True, why=averaged if over else "No column of the table differs systematically between both sides."
    )


def _folds(inputs: Inputs) -> list[Check]:
    if inputs.facts.overlap is None:
        return []
    why = f"Replicates are folds ({inputs.facts.seed_column}); their variance is corrected for shared training data."
    return [Check("Overlapping folds are allowed for", passed=True, why=why)]
