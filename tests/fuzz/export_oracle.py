"""Judge what `ablate analyze` says of a drawn export by what is so."""

import math
import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from export_reading import Said, read_as_a_user
from export_tools import TOOLS
from export_truth import ExportExample, Run, Truth

from ablate.errors import AblateError
from ablate.storage.results import column_of, factor_name
from ablate.study.trial import CUT_SHORT

DECIDED = ("helps", "hurts")
PERCENT = 100.0  # points in all of it
PREFIXES = sorted({"user_attrs_", *(part for tool in TOOLS for part in (tool.prefix, tool.metrics) if part)})
LOSS_WORDS = re.compile(
    r"lost|fail|diverg|crash|kill|not finish|not end|unfinished|no score|not finite|ran out|prun|stopped|"
    r"without a score|did not"
)
MADE_ONE = re.compile(r"one number|one level|same level|alike|spaces?|trailing|rounded|single precision|float|merged")
AGAIN = re.compile(r"another run finished|tr(y|ies|ied)\b|again|retr|repeat|same factors (and seed )?as another")
PARENT = re.compile(r"parent")
BLANK = re.compile(r"blank|empty")


@dataclass(slots=True)
class Verdicts:
    """What one table came to."""

    answer: str = ""  # "accepted" or "refused"
    questions: list[str] = field(default_factory=list)  # the kinds of the questions that were asked
    defects: dict[str, str] = field(default_factory=dict)  # kind -> what was said, what is so
    nulls: int = 0  # contrasts of equal levels that were tested, without losses
    false_alarms: int = 0  # of those
    effects: int = 0  # contrasts of levels that differ that were tested
    found: int = 0  # of those, with the right sign
    is_compared: bool = False


def judge(example: ExportExample, folder: Path, *, page: bool = False) -> Verdicts:
    """Read it as a user would who answers what he is asked, and hold each sentence to the truth."""
    verdicts = Verdicts()
    try:
        said = read_as_a_user(example, folder, verdicts.questions, page=page)
    except AblateError:
        verdicts.answer = "refused"
        return verdicts
    except Exception as err:  # whatever it is
        verdicts.answer = "defect"
        verdicts.defects[f"{type(err).__name__}: {str(err)[:60]}"] = repr(err)
        return verdicts
    verdicts.answer = "accepted"
    truth = example.truth
    of_rows = () if truth.steps else (*_losses(truth, said), *_rows(truth, said))
    for kind, told in (*_roles(truth, said), *of_rows):
        verdicts.defects.setdefault(kind, told)
    if not verdicts.defects:
        for kind, told in _contrasts(example.truth, said, verdicts):
            verdicts.defects.setdefault(kind, told)
    return verdicts


def _roles(truth: Truth, said: Said) -> Iterator[tuple[str, str]]:
    """Score, direction, seed and factors are what they are."""
    facts = said.inputs.facts
    metric = facts.metric
    if bare(metric.name) != bare(truth.score):
        yield "another column is the score", f"{metric.name} for {truth.score}"
    elif metric.direction != ("maximize" if truth.sign > 0 else "minimize"):
        yield "the direction is turned", f"{truth.score}: {metric.direction}"
    if metric.unit == "points" and metric.scale * truth.scale != PERCENT:
        yield "points are not percent", f"{truth.score}: {metric}"
    own = {bare(name) for name in truth.factors}
    taken = [bare(name) for name in facts.factors]
    for name in taken:
        if name not in own:
            kind = _kind(name, truth)
            yield f"a {kind} is a factor", f"{name} among {taken}"
    if missing := own - set(taken):
        yield "a factor is left out", f"{sorted(missing)} not among {taken}"
    if truth.seeds and not facts.seed_column and bare(truth.seeds[0]) not in taken:
        yield "the seed is not seen", f"{truth.seeds[0]}: {said.notes[-200:]}"


def _kind(name: str, truth: Truth) -> str:
    if name in {bare(seed) for seed in truth.seeds}:
        return "seed"
    return {truth.state: "state", truth.steps: "step"}.get(name, "bookkeeping column")


def _losses(truth: Truth, said: Said) -> Iterator[tuple[str, str]]:
    """Lost runs are counted as lost, and said where they touch what is compared."""
    table = _every_run(said.inputs.results)
    final = [run for run in truth.runs if run.lost and not run.retried]
    tried_again = sum(run.retried for run in truth.runs)
    n_lost = int((table["state"] != "finished").sum())
    if not len(final) <= n_lost <= len(final) + tried_again:
        yield "lost runs are not counted", f"{n_lost} counted, {len(final)} lost ({final[0] if final else '-'})"
        return
    if not truth.state and (killed := int(table["state"].isin(CUT_SHORT).sum())):
        yield "a run without a score is no lost run", f"{killed} of {n_lost} are called killed or pruned"
        return
    effects = said.inputs.effects
    if effects.empty or not final:
        return
    touched = _lost_in_contrasts(truth, said)
    if touched and not (LOSS_WORDS.search(said.everything) and _tells_a_count(said.everything, touched, len(final))):
        yield "losses are not said", f"{touched} lost in what is compared; said: {said.everything}"


def _tells_a_count(text: str, touched: Mapping[str, int], n_lost: int) -> bool:
    """Whether it tells all, or what the variants lost; in the headline a clause a state, in a note those cut short."""
    numbers = {int(found.replace(",", "")) for found in re.findall(r"(?<![\d.])\d[\d,]*(?![\d.]*\d)", text)}
    clauses = re.findall(r"\bin (\d+) of \d+ |(\d+) (?:killed|pruned)", text)
    return n_lost in numbers or sum(int(one or other) for one, other in clauses) >= sum(touched.values())


def _lost_in_contrasts(truth: Truth, said: Said) -> dict[str, int]:
    """How many runs were lost in each configuration of the one-factor comparisons."""
    found = {}
    for name, cell in _cells(truth, said).items():
        if lost := _n_lost(cell):
            found[name] = lost
    return found


def _rows(truth: Truth, said: Said) -> Iterator[tuple[str, str]]:
    """No row is dropped, and no level split or merged, without a word."""
    table = _every_run(said.inputs.results)
    n, tried_again = len(truth.runs), sum(run.retried for run in truth.runs)
    notes = said.notes.lower()
    extra = len(table) - n
    if truth.parents and (extra > 0 or not PARENT.search(notes)):
        yield "parent runs are taken as runs", f"{len(table)} rows of {n} runs and {truth.parents} parents"
    if truth.blank_rows and (extra > 0 or not BLANK.search(notes)):
        yield "blank rows are taken as runs or skipped silently", f"{len(table)} rows of {n} runs; {notes}"
    if extra < -tried_again or (extra < 0 and not AGAIN.search(notes)):
        yield "runs are dropped without a word", f"{len(table)} rows of {n} runs; {notes}"
    if tried_again and not AGAIN.search(notes):
        yield "a second try is not spoken of", notes
    for name, of_factor in truth.factors.items():
        found = next((own for own in said.inputs.facts.factors if bare(own) == bare(name)), "")
        n_levels = said.inputs.results[column_of(found)].nunique() if found else len(of_factor)
        if n_levels != len(of_factor):
            yield "levels are split or merged", f"{name}: {n_levels} for {of_factor}"
        elif truth.is_merged and not MADE_ONE.search(notes):
            yield "levels are made one without a word", notes


def _contrasts(truth: Truth, said: Said, verdicts: Verdicts) -> Iterator[tuple[str, str]]:
    """Each contrast of the headline against the means of its runs and the gains of its levels."""
    inputs = said.inputs
    verdicts.is_compared = bool(len(inputs.effects))
    if inputs.effects.empty:
        if "differ in exactly one factor" in said.everything:
            yield "nothing is compared, for a wrong reason", said.headline
        return
    cells = _cells(truth, said)
    for row in inputs.effects.to_dict("records"):
        name = _column(truth, row["factor"])
        key = row["factor"] if row["factor"] == "learning_rate" else column_of(row["factor"])
        first, then = _level(truth, name, inputs.facts.reference[key]), _level(truth, name, row["level"])
        gain = truth.gains[name, then] - truth.gains[name, first]
        runs, others = cells[row["variant"]], cells["reference"]
        text = f"{row['factor']} {first} -> {then}: {row['verdict']}, n = {row['n']}, mean {row['mean']:.6g}"
        if row["verdict"] in DECIDED and not truth.seeds:
            yield "a verdict without seeds", text
        lost = _n_lost(runs), _n_lost(others)
        if any(lost):
            failed = any(run.lost == "failed" and not run.retried for run in (*runs, *others))
            yield from _lossy(row, gain, lost, text, is_of_the_variant=failed)
        else:
            yield from _lossless(row, gain, runs, others, said, truth, text, verdicts)


def _n_lost(runs: list[Run]) -> int:
    return sum(run.lost != "" and not run.retried for run in runs)


def _lossy(
    row: Mapping[str, Any], gain: float, lost: tuple[int, int], text: str, *, is_of_the_variant: bool
) -> Iterator[tuple[str, str]]:
    """Better than what lost no run, for its survivors alone, is no help; and the other way round.

    `is_of_the_variant`: whether runs failed; runs that somebody killed tell nothing of a variant.
    """
    of_variant, of_reference = lost
    if row["verdict"] == "helps" and of_variant > of_reference and gain <= 0:
        yield "survivors help", f"{text}; lost {lost}, truly {gain:+.2f}"
    if row["verdict"] == "hurts" and of_reference > of_variant and gain >= 0:
        yield "hurts beside survivors", f"{text}; lost {lost}, truly {gain:+.2f}"
    if row["verdict"] == "equivalent" and of_variant != of_reference and is_of_the_variant:
        yield "equivalent, though runs of one side failed", f"{text}; lost {lost}"


def _lossless(
    row: Mapping[str, Any],
    gain: float,
    runs: list[Run],
    others: list[Run],
    said: Said,
    truth: Truth,
    text: str,
    verdicts: Verdicts,
) -> Iterator[tuple[str, str]]:
    """The mean is that of the pairs to the digit; the sign is right; false alarms are counted for all tables."""
    values, reference = ({run.seed: run.value for run in cell if not run.lost} for cell in (runs, others))
    differences = _differences(values, reference, truth, is_of_folds=_averaged(said, truth))
    if truth.seeds:
        mean = math.fsum(differences) / len(differences)
        is_other = row["n"] != len(differences)
        if is_other or not math.isclose(row["mean"], mean, rel_tol=1e-6, abs_tol=1e-7 * truth.scale):
            yield "another number of pairs or another mean", f"{text}; {len(differences)} pairs of mean {mean:.6g}"
            return
    if row["verdict"] in ("too few seeds",):
        return
    wrong = row["verdict"] == ("hurts" if gain > 0 else "helps") if gain else False
    if wrong:
        yield "the wrong sign", f"{text}; truly {gain:+.2f}"
    if gain and row["verdict"] == "equivalent":
        yield "equivalent, though it differs", f"{text}; truly {gain:+.2f}"
    if gain:
        verdicts.effects += 1
        verdicts.found += row["verdict"] in DECIDED
    else:
        verdicts.nulls += 1
        verdicts.false_alarms += row["verdict"] in DECIDED


def _averaged(said: Said, truth: Truth) -> bool:
    """Whether the table has folds and seeds, and the runs of a fold are averaged."""
    return len(truth.seeds) == 2 and " and " not in (said.inputs.facts.seed_column or "")


def _differences(
    values: Mapping[int, float], reference: Mapping[int, float], truth: Truth, *, is_of_folds: bool
) -> list[float]:
    """The differences of the pairs; of the means of each fold, which is a third of the run's number."""
    if not is_of_folds:
        return [truth.sign * (values[seed] - reference[seed]) for seed in values if seed in reference]
    ours, theirs = (_fold_means(cell) for cell in (values, reference))
    return [truth.sign * (ours[fold] - theirs[fold]) for fold in ours if fold in theirs]


def _fold_means(values: Mapping[int, float]) -> dict[int, float]:
    folds = {seed // 3 for seed in values}
    return {fold: statistics.fmean(values[seed] for seed in values if seed // 3 == fold) for fold in folds}


def _cells(truth: Truth, said: Said) -> dict[str, list[Run]]:
    """The true runs of the reference and of each variant, by the variant's name."""
    facts, names = said.inputs.facts, list(truth.factors)
    stated = {bare(factor_name(name)): str(level) for name, level in (facts.reference or {}).items()}
    reference = tuple(_level(truth, name, stated.get(bare(name), "")) for name in names)
    found = {"reference": [run for run in truth.runs if run.levels == reference]}
    for row in said.inputs.effects.to_dict("records"):
        if not (name := _column(truth, row["factor"])):
            continue
        place = names.index(name)
        levels = list(reference)
        levels[place] = _level(truth, names[place], row["level"])
        found[row["variant"]] = [run for run in truth.runs if run.levels == tuple(levels)]
    return found


def _column(truth: Truth, factor: str) -> str:
    return next((name for name in truth.factors if bare(name) == bare(factor)), "")


def _level(truth: Truth, factor: str, level: object) -> str:
    """The level of the truth that is written like this, in double precision or in single."""
    text = str(level).strip().strip('"')
    same = (known for known in truth.factors[factor] if known == text or _are_close(known, text))
    return next(same, text)


def _are_close(one: str, other: str) -> bool:
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-6)
    except ValueError:
        return False


def _every_run(results: pd.DataFrame) -> pd.DataFrame:
    search = results[results["phase"] == "search"]
    return search if len(search) else results[results["design"] == "factorial"]


def bare(name: str) -> str:
    """A column's name without a tool's prefix."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
