import dataclasses

import pytest
from synthetic import write_study

from ablate.analysis.effects import BlockRuns, data_set_effects
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.statistical_methods import lost_runs_paragraph, statistics_paragraph, verdicts_paragraph


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("statistics") / "cifar_mlp"))


def test_the_family_of_the_statistics_is_named(inputs: Inputs) -> None:
    assert "family of this report is its 12 comparisons of mode find." in statistics_paragraph(inputs)


def test_the_margin_is_said_with_its_source(inputs: Inputs) -> None:
    said = verdicts_paragraph(inputs)
    assert "δ is 0.50 points, the larger of half a point and the test set's binomial standard error (0.50)" in said
    text = "points, as the study states."
    stated = dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, margin=0.01))
    assert text in verdicts_paragraph(stated)
    assert text not in said


def test_the_margin_of_several_data_sets_is_said_to_be_the_mean_of_theirs(inputs: Inputs) -> None:
    margins = {"a": 0.005, "b": 0.025}
    found = data_set_effects([
        BlockRuns(name, inputs.confirmatory(), dataclasses.replace(inputs.metric, margin=margin))
        for name, margin in margins.items()
    ])  # fmt: skip
    assert found.metric.margin == pytest.approx(0.015)
    several = dataclasses.replace(inputs, data_sets=found, metric=found.metric)
    assert "δ is 1.50 points, one for all data sets: the mean over them of" in verdicts_paragraph(several)


def test_lost_runs_are_counted_with_their_score(inputs: Inputs) -> None:
    assert lost_runs_paragraph(inputs).startswith(
        "A run that diverged, failed or ran out of memory is scored at the worse of guessing and the worst run that "
        "finished (10.0 %) in every number of its configuration: 4 of 117 runs did. How often runs fail is"
    )


def test_folds_of_an_own_study_are_named_with_the_corrected_variance(inputs: Inputs) -> None:
    folds = dataclasses.replace(inputs, facts=dataclasses.replace(inputs.facts, overlap=0.25))
    said = statistics_paragraph(folds)
    assert "Each seed holds out another of the 5 folds" in said
    assert "SD²·(1/n + 0.25) (Nadeau & Bengio 2003)" in said
    assert "Nadeau" not in statistics_paragraph(inputs)
