import math
from types import SimpleNamespace

import pandas as pd
import pytest
from records import epoch_of_classes

from ablate.analysis.effects import confirmatory_runs
from ablate.report.training import curve_table, overfitting
from ablate.storage.results import epochs_table, results_table
from ablate.study.trial import Label, Outcome, TrialSpec


def a_run(seed: int, *, same_as: str):
    spec = TrialSpec(f"s{seed}", Label("ablation", "reference"), seed, {"learning_rate": "find"}, test=True)
    return spec, Outcome(spec.trial, "finished", 0.5, same_as=same_as), ""


def test_a_repeat_has_the_curve_of_its_first_and_a_trial_of_another_study_its_own():
    runs = [a_run(1, same_as=""), a_run(2, same_as="s1"), a_run(3, same_as="other/s1")]
    curves = [
        epoch_of_classes(trial, 1, 1.0, 0.25, 1.0, accuracy, 0.1, 1.0)
        for trial, accuracy in (("s1", 0.5), ("s3", 0.75))
    ]
    compared = confirmatory_runs(results_table(runs))
    inputs = SimpleNamespace(runs=compared, epochs=epochs_table(curves), modes=["find"])
    assert curve_table(inputs, "val_accuracy")["validation"].tolist() == [50.0, 50.0, 75.0]
    assert curve_table(inputs, "val_loss")["validation"].tolist() == [1.0, 1.0, 1.0]


def losses(validation, train):
    return pd.DataFrame({"epoch": range(1, len(train) + 1), "validation": validation, "train": train})


def test_overfitting_is_told_with_its_epoch():
    assert overfitting(losses([1.2, 1.0, 1.3, 1.6], [1.1, 0.8, 0.4, 0.05])) == (
        " The reference overfits: its validation loss is lowest in epoch 2, at 1.00 nats, and rises to 1.60 by epoch "
        "4, while its training loss falls from 0.80 to 0.05."
    )


@pytest.mark.parametrize(
    ("validation", "train"),
    [
        ([1.2, 1.1, 1.0], [1.1, 0.8, 0.4]),
        ([1.2, 1.0, 1.04], [1.1, 0.8, 0.4]),  # no more than luck
        ([1.2, 1.0, 2.0], [1.1, 0.8, 1.9]),  # it blew up
        ([math.nan] * 3, [math.nan] * 3),
        ([], []),
    ],
)
def test_nothing_is_said_where_there_is_none(validation, train):
    assert overfitting(losses(validation, train)) == ""
