"""Collapses: a variant that loses 15 % of its runs, and is as good as the reference if these count as guesses."""

import dataclasses
import re
from collections.abc import Iterator

import numpy as np
from honest.folders import Report, Rng, Rows, imported, report_on
from honest.rates import Measured, Rate

from ablate.analysis.imports import ImportOptions

SHARE, N = 0.15, 12
SD = 1.0  # of the differences
GUESS = round(90 - SD * (1 - SHARE) / SHARE, 2)  # then the mean with the lost runs is the reference's, 90
HAS_CHANCE = "chance" in {one.name for one in dataclasses.fields(ImportOptions)}
TOLD = re.compile(r"lost|diverged|did not finish|failed|no score|more often", re.IGNORECASE)


def losses(studies: int, *, seed: int) -> Iterator[Measured]:
    """Lost runs with a word for it, without a score, or as a score of guessing: none may help, and all are named.

    A study in which by luck no run was lost cannot know better: those are counted apart, and not held to a rate.
    """
    for number, case in enumerate(("state and no score", "no score", "state, chance given", "a score of guessing")):
        if "given" in case and not HAS_CHANCE:
            continue
        rng = np.random.default_rng((seed, 90 + number))
        drawn = [_collapsing(rng, case) for _ in range(studies)]
        asked = {"chance": GUESS} if "given" in case else {}
        said = [(report_on(imported(rows, reference="optimizer=sgd", **asked)), n_lost) for rows, n_lost in drawn]
        refused = sum(bool(one.refusal) for one, _ in said)
        note = f"{refused} of {studies} refused" if refused else ""
        yield Measured(
            "collapse", f"{case}: helps, with a lost run", Rate.of(_helps(s) for s, n in said if n), note=note
        )
        clean = Rate.of(_helps(one) for one, n_lost in said if not n_lost)
        yield Measured(
            "collapse", f"{case}: helps, without one", clean, is_to_be="", note=f"of {studies}; none can know"
        )
        if case != "a score of guessing":
            told = Rate.of(bool(TOLD.search(one.answer) or one.refusal) for one, n_lost in said if n_lost)
            yield Measured("collapse", f"{case}: lost runs named in the answer", told, is_to_be="at least")
            more = Rate.of(any(claim.kind == "failures" for claim in one.claims) for one, _ in said)
            note = f"says that it fails more often: {100 * more.share:.0f} %"
            yield Measured("collapse", f"{case}: fails more often", Rate(0, 0), note=note)


def _helps(said: Report) -> bool:
    return any(re.search(r"adam (?:\| ▲ )?helps", claim.text) for claim in said.claims)


def _collapsing(rng: Rng, case: str) -> tuple[Rows, int]:
    """The survivors are one SD of the differences better, which the lost runs take back."""
    luck = rng.normal(size=N)
    rows: Rows = [_row("sgd", seed, 90 + 0.5 * luck[seed]) for seed in range(N)]
    n_lost = 0
    for seed in range(N):
        is_lost = rng.uniform() < SHARE
        n_lost += is_lost
        score = GUESS if is_lost else 90 + SD + luck[seed] * 0.5 + SD * rng.normal()
        row = _row("adam", seed, score)
        if is_lost and case != "a score of guessing":
            row |= {"state": "diverged", "val_accuracy": ""}
        rows.append(row)
    if case in ("no score", "a score of guessing"):
        rows = [{name: cell for name, cell in row.items() if name != "state"} for row in rows]
    return rows, n_lost


def _row(optimizer: str, seed: int, score: float) -> dict[str, object]:
    return {"optimizer": optimizer, "seed": seed, "val_accuracy": round(score, 3), "state": "finished"}
