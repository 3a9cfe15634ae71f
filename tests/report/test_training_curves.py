from types import SimpleNamespace

from ablate.effects import confirmatory_runs
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.report.training import curve_table
from ablate.results import epochs_table, results_table


def a_run(seed: int, *, same_as: str):
    spec = TrialSpec(f"s{seed}", "ablation", "reference", "", "", "", seed, {"learning_rate": "find"}, test=True)
    return spec, Outcome(spec.trial, "finished", 0.5, same_as=same_as), ""


def test_a_repeat_has_the_curve_of_its_first_and_a_trial_of_another_study_its_own():
    runs = [a_run(1, same_as=""), a_run(2, same_as="s1"), a_run(3, same_as="other/s1")]
    curves = [Epoch(trial, 1, 1.0, 0.25, 1.0, accuracy, 0.1, 1.0) for trial, accuracy in (("s1", 0.5), ("s3", 0.75))]
    compared = confirmatory_runs(results_table(runs))
    inputs = SimpleNamespace(runs=compared, epochs=epochs_table(curves), modes=["find"], monitor="val_accuracy")
    assert curve_table(inputs)["validation"].tolist() == [50.0, 50.0, 75.0]
