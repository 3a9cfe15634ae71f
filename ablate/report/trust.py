"""What a careful reader would ask into a checklist, each line passed or failed and why."""

import math

import pandas as pd

from ablate.effects import confirmatory_runs
from ablate.records import REFERENCE
from ablate.report.inputs import Inputs, reference_mean
from ablate.report.numbers import number
from ablate.report.page import Block, Check, Checklist, Paragraph, Section
from ablate.statistics import MIN_SEEDS, binomial_error, least_seeds


def trust_section(inputs: Inputs) -> Section:
    """The checklist, and what the study could have seen at all."""
    runs = confirmatory_runs(inputs.results)
    checks = [*_data_checks(inputs)]
    if len(runs):
        checks = [*_seed_checks(inputs, runs), *_run_checks(inputs, runs), *checks]
    failed = sum(check.passed is False for check in checks)
    said = "All checks that can be made passed." if not failed else f"{failed} of {len(checks)} checks failed."
    blocks: list[Block] = [Paragraph(said), Checklist(checks), *_sensitivity(inputs)]
    return Section("trust", "Can you trust this?", blocks)


def _seed_checks(inputs: Inputs, runs: pd.DataFrame) -> list[Check]:
    told = inputs.told()
    n = int(told["n"].min()) if len(told) else 0
    least = least_seeds(len(told))
    seeds = runs.groupby(["variant", "mode"])["seed"].agg(frozenset)
    tuning = set(
        pd.to_numeric(inputs.results.loc[inputs.results["phase"] == "search", "seed"], errors="coerce").dropna()
    )
    both = sorted(int(seed) for seed in tuning & set(runs["seed"]))
    is_same = seeds.nunique() == 1
    return [
        Check("Enough seeds for a test", n >= MIN_SEEDS,
              f"{n} paired seeds in the smallest contrast; an exact test needs {MIN_SEEDS}."),
        Check("Enough seeds for so many contrasts", n >= least,
              f"{len(told)} contrasts need {least} seeds, or no adjusted p can reach .05; there are {n}."),
        Check("The same seeds for all", is_same,
              "Every variant and the reference ran the same seeds." if is_same
              else "Some cells lack seeds that others have; their contrasts use what is paired."),
        Check("Tuned on other seeds", None if not tuning else not both,
              "No search was run." if not tuning
              else f"Search and ablation share the seeds {', '.join(map(str, both))}." if both
              else "The seeds of the search and of the ablation have none in common."),
    ]  # fmt: skip


def _run_checks(inputs: Inputs, runs: pd.DataFrame) -> list[Check]:
    variants = runs[runs["variant"] != REFERENCE]
    carried = sorted(set(variants["mode"]) - {""})
    is_found = bool({"find", "tune"} & set(carried))
    unsure = _on_fallback(inputs, runs)
    of_search = inputs.results[inputs.results["phase"] == "search"].reindex(columns=["test_accuracy", "test_loss"])
    peeked = sum(int(pd.to_numeric(of_search[name], errors="coerce").notna().sum()) for name in of_search)
    repeated = int(inputs.results["trial"].duplicated().sum())
    lost = int(inputs.effects["diverged"].sum())
    unpaired = int(((variants["state"] != "finished") & ~variants["trial"].isin(inputs.scores["trial"])).sum())
    return [
        Check("Learning rate found for each variant", is_found and not unsure,
              f"Modes run: {', '.join(carried) or 'not stated'}."
              + ("" if is_found else " A rate that suits the reference can hold a variant back.")
              + (f" No rate could be read for {', '.join(unsure)}: the fallback rate was used." if unsure else "")),
        Check("Test set read once per run", not peeked and not repeated,
              "No search trial has a test score, and no trial ran twice." if not peeked and not repeated
              else f"{peeked} test scores in the search, {repeated} trials that appear twice."),
        Check("Runs that did not finish are counted", not unpaired,
              (f"{lost} runs are counted at chance level." if lost else "Every run finished.") if not unpaired
              else f"{unpaired} runs were interrupted or have no partner and are left out."),
    ]  # fmt: skip


def _on_fallback(inputs: Inputs, runs: pd.DataFrame) -> list[str]:
    """The variants, and the reference, whose range test was undetermined."""
    keys = {test.key for _, test in inputs.rate_tests if test.verdict == "undetermined"}
    of_tests = runs["lr_test"] if "lr_test" in runs else pd.Series("", index=runs.index)
    return list(dict.fromkeys(runs.loc[of_tests.isin(keys), "variant"]))


def _data_checks(inputs: Inputs) -> list[Check]:
    stand_in, facts = inputs.data.get("stand_in"), inputs.facts
    complete, quick = facts.get("complete"), facts.get("quick")
    return [
        Check("Real data", None if stand_in is None else not stand_in,
              "Not recorded." if stand_in is None else
              "The built-in stand-in: its numbers say nothing about the real set." if stand_in
              else f"{inputs.data.get('name', 'The set')} from {inputs.data.get('source') or 'an unknown source'}."),
        Check("Complete", None if complete is None else bool(complete),
              "Not recorded." if complete is None else "Every planned trial has ended." if complete
              else "Trials are missing; the same command goes on where it stopped."),
        Check("Full budget", None if quick is None else not quick,
              "Not recorded." if quick is None else "--quick cut the budgets to try things out." if quick
              else "The study's own budget."),
    ]  # fmt: skip


def _sensitivity(inputs: Inputs) -> list[Block]:
    said = []
    metric, mean, n_test = inputs.metric, reference_mean(inputs), inputs.data.get("n_test")
    if metric.name == "test_accuracy" and n_test and 0 <= mean <= 1:
        error = number(binomial_error(mean, n=int(n_test)) * 100, 2)
        said.append(
            f"The test set has {int(n_test):,} images: at the reference's {number(mean * 100, 1)} % any single "
            f"accuracy has a binomial standard error of {error} points. Pairing takes part of it out of differences."
        )
    told = inputs.told()
    told = told[(told["n"] >= 2) & (told["diverged"] == 0)]
    if len(told):
        # Normal quantiles for power 80 % and a two-sided 5 %: 1.96 + 0.84.
        least = 2.8 * float((told["sd"] / told["n"].map(math.sqrt)).median()) * metric.scale
        decimals = 1 if metric.unit == "points" else 2
        said.append(
            f"The typical contrast here could show a difference of about {number(least, decimals)} {metric.unit} "
            "(80 % power, before the adjustment for many contrasts); smaller ones may exist unseen."
        )
    return [Paragraph(" ".join(said))] if said else []
