"""Compare the paired runs of each comparison example by example, where their predictions of the test set are kept."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ablate.analysis.effects.pairing import IDENTICAL, LOST, UNFINISHED
from ablate.analysis.statistics.examples import crossed_interval, mcnemar_p
from ablate.errors import DataError
from ablate.storage.predictions import Correctness, KeptPredictions
from ablate.storage.results import Row

EXAMPLE_COLUMNS = (
    "factor", "level", "variant", "mode", "against", "verdict", "n", "examples", "mean", "low", "high", "low_examples",
    "high_examples", "low_90", "high_90", "example_error", "examples_add", "only_variant", "only_reference",
    "better_pairs", "worse_pairs",
)  # fmt: skip
DISCORDANT_COLUMNS = ("factor", "level", "variant", "mode", "against", "seed", "only_variant", "only_reference", "p")
_UNCOMPARED = (IDENTICAL, UNFINISHED, LOST)
ALPHA = 0.05
_TOLERANCE = 1e-6  # between an accuracy in the table and that of the predictions


def example_effects(
    effects: pd.DataFrame, pairs: pd.DataFrame, predictions: KeptPredictions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per comparison, `EXAMPLE_COLUMNS`, and one per pair of runs in it, `DISCORDANT_COLUMNS`.

    `effects` are on the test accuracy and `pairs` are theirs; a comparison is left out unless all its pairs have
    predictions, and if its runs are identical or some are lost. `low_examples` and `high_examples` hold for seeds and
    examples, `low_90` and `high_90` too, at 90 %. `only_variant` and `only_reference` count the examples that only one
    run of a pair classifies correctly, in the first table as means over the pairs. `better_pairs` and `worse_pairs`
    count pairs by McNemar's test. Raises `DataError` if an accuracy is not that of the predictions.
    """
    rows, details = [], []
    for effect in effects[~effects["verdict"].isin(_UNCOMPARED)].to_dict("records"):
        own = pairs[(pairs["variant"] == effect["variant"]) & (pairs["mode"] == effect["mode"])].head(int(effect["n"]))
        correct = [_both(pair, predictions) for pair in own.to_dict("records")]
        found = [pair for pair in correct if pair is not None]
        if found and len(found) == len(correct):
            discordant = list(_discordant(effect, own["seed"].tolist(), found))
            rows.append(_row(effect, found, pd.DataFrame(discordant)))
            details += discordant
    return pd.DataFrame(rows, columns=list(EXAMPLE_COLUMNS)), pd.DataFrame(details, columns=list(DISCORDANT_COLUMNS))


def _both(pair: Row, predictions: KeptPredictions) -> tuple[Correctness, Correctness] | None:
    """The correctness of the variant's and of the reference's run, each (n_examples,); None if one is not kept."""
    found = []
    for trial, accuracy in ((pair["trial"], pair["value"]), (pair["reference_trial"], pair["reference_value"])):
        correct = predictions.correct(str(trial))
        if correct is None:
            return None
        if abs(float(correct.mean()) - accuracy) > _TOLERANCE:
            raise DataError(
                f"results.csv: {trial} has a test accuracy of {accuracy:.6g}, but test_predictions.npz one of "
                f"{correct.mean():.6g}: the two files are not of the same runs\n"
                "  delete test_predictions.npz to leave its table out of the report"
            )
        found.append(correct)
    return found[0], found[1]


def _discordant(effect: Row, seeds: list[int], correct: list[tuple[Correctness, Correctness]]) -> Iterator[Row]:
    for seed, (variant, reference) in zip(seeds, correct, strict=True):
        ours, theirs = int((variant & ~reference).sum()), int((reference & ~variant).sum())
        named = {name: effect[name] for name in ("factor", "level", "variant", "mode", "against")}
        yield {**named, "seed": seed, "only_variant": ours, "only_reference": theirs, "p": mcnemar_p(ours, theirs)}


def _row(effect: Row, correct: list[tuple[Correctness, Correctness]], discordant: pd.DataFrame) -> Row:
    differences = np.stack([variant.astype(np.int8) - reference.astype(np.int8) for variant, reference in correct])
    crossed, narrower = crossed_interval(differences), crossed_interval(differences, confidence=0.9)
    is_sure = discordant["p"] <= ALPHA
    is_better = discordant["only_variant"] > discordant["only_reference"]
    # With looks, the interval over seeds has the level of its look: this one contains it too.
    low, high = np.minimum(crossed.low, effect["low"]), np.maximum(crossed.high, effect["high"])
    return {
        **{name: effect[name] for name in EXAMPLE_COLUMNS if name in effect},
        "examples": differences.shape[1],
        "low_examples": float(low),
        "high_examples": float(high),
        "low_90": narrower.low,
        "high_90": narrower.high,
        "example_error": crossed.example_error,
        "examples_add": crossed.examples_add,
        "only_variant": float(discordant["only_variant"].mean()),
        "only_reference": float(discordant["only_reference"].mean()),
        "better_pairs": int((is_sure & is_better).sum()),
        "worse_pairs": int((is_sure & ~is_better).sum()),
    }
