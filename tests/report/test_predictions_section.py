"""What the report says about the predictions of the reference and of the best variant."""

import numpy as np
import pytest
from any_task import write_numbers, write_rare
from synthetic import write_study
from test_test_set import write_predicted

from ablate.analysis.statistics.classification import PrecisionRecall
from ablate.report.class_blocks import confusion_blocks, tag_blocks
from ablate.report.confidence_blocks import _mean_precision
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.number_blocks import number_blocks
from ablate.report.page import Figure, Paragraph, Section, Table
from ablate.report.predictions import predictions_section
from ablate.report.sides import Side, Spread
from ablate.storage.predictions import KeptPredictions


def section_of(folder) -> Section:
    section = predictions_section(read_inputs(folder))
    assert section is not None
    return section


def tables(section: Section) -> dict[str, Table]:
    found = [block if isinstance(block, Table) else getattr(block, "table", None) for block in section.blocks]
    return {table.name: table for table in found if table is not None}


def figures(section: Section) -> dict[str, Figure]:
    return {block.name: block for block in section.blocks if isinstance(block, Figure)}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return write_numbers(tmp_path_factory.mktemp("numbers") / "sugar")


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    return write_rare(tmp_path_factory.mktemp("rare") / "sugar")


def test_a_regression_has_residuals_in_its_unit(numbers):
    section = section_of(numbers)
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    assert first.text.startswith("Of 3 variants, width 128 has the best mean test MAE (")
    assert " mg/dl beside " in first.text
    assert "It tests nothing" in first.text
    figure = figures(section)["residuals"]
    assert "explain this share of the targets’ variance (R²): 0." in figure.sentence
    assert "predicted value, mg/dl" in figure.svg
    groups, fit = tables(section)["residuals"], tables(section)["fit"]
    assert len(groups.rows) == 10
    assert groups.head[1] == "Mean prediction, mg/dl: reference"
    assert [row[0] for row in fit.rows] == ["reference", "width 128"]
    assert fit.head[-1] == "Root mean squared error, mg/dl"


def test_a_rare_class_has_its_curve_with_the_precision_of_guessing(rare):
    section = section_of(rare)
    assert set(figures(section)) == {"reliability", "precision-recall"}
    sentence = figures(section)["precision-recall"].sentence
    assert sentence.startswith("Average precision for class ill: ")
    assert sentence.endswith("guessing has 6.0 %, the share of its examples.")
    rows = tables(section)["classes"].rows
    assert [row[:2] for row in rows] == [["healthy", "376"], ["ill", "24"]]
    assert [row[0] for row in tables(section)["precision-recall"].rows] == [f"{10 * at}" for at in range(1, 11)]


def test_a_study_that_kept_classes_alone_has_their_table_and_no_curves(tmp_path):
    section = section_of(write_predicted(write_study(tmp_path / "cifar_mlp")))
    assert figures(section) == {}
    (row, *_) = tables(section)["classes"].rows
    assert row[:2] == ["0", "10,000"]
    assert row[2].startswith("100.0")  # all examples are of one class, so whatever is called 0 is right


def test_without_predictions_or_comparisons_there_is_no_section(tmp_path):
    assert predictions_section(read_inputs(write_study(tmp_path / "cifar_mlp"))) is None
    imported = write_predicted(write_study(tmp_path / "other", facts={"foreign": True}))
    assert predictions_section(read_inputs(imported)) is None


SIDES = (Side("reference", ["r"]), Side("a 1", ["v"]))


def test_several_numbers_are_told_apart_and_many_are_taken_together(numbers):
    targets = np.array([[0.0, 10.0], [2.0, 30.0], [4.0, 20.0]])
    shifted = {"r": targets - 1, "v": targets}
    kept = KeptPredictions(targets, kind="numbers", numbers=shifted)
    figure, fit = number_blocks(kept, SIDES, read_inputs(numbers))
    assert "The predictions of target 1 explain" in figure.sentence
    assert [row[:4] for row in fit.rows] == [
        ["target 1", "reference", "0.625", "1.00"], ["target 1", "a 1", "1.000", "0.00"],
        ["target 2", "reference", "0.985", "1.00"], ["target 2", "a 1", "1.000", "0.00"],
    ]  # fmt: skip
    series = np.tile(targets, (1, 5))
    kept = KeptPredictions(series, kind="numbers", numbers={"r": series - 1, "v": series})
    figure, fit = number_blocks(kept, SIDES, read_inputs(numbers))
    assert [row[0] for row in fit.rows] == ["reference", "a 1"]


def test_masks_have_the_overlap_of_each_class(numbers):
    counts = {"r": np.array([[8, 2], [2, 4]]), "v": np.array([[10, 0], [3, 3]])}
    kept = KeptPredictions(np.zeros(0, np.uint8), kind="confusion", confusion=counts)
    table = confusion_blocks(kept, SIDES, read_inputs(numbers))[0]
    assert isinstance(table, Table)
    assert table.head[1] == "Places"
    assert list(table.rows[1]) == ["1", "6", "66.7", "100.0", "66.7", "50.0", "50.0", "50.0"]


def test_tags_have_average_precision_beside_that_at_one_half(numbers):
    labels = np.array([[1, 0], [0, 0], [1, 0]], np.uint8)
    confidence = {
        "r": np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.3]]),
        "v": np.array([[0.9, 0.1], [0.2, 0.2], [0.4, 0.3]]),
    }
    kept = KeptPredictions(labels, kind="tags", confidence=confidence)
    inputs: Inputs = read_inputs(numbers)
    (block,) = tag_blocks(kept, SIDES, inputs)
    # The reference ranks right, wrong, right: (1 + 2/3) / 2.
    assert list(block.table.rows[0]) == ["0", "2", "83.3", "100.0", "50.0", "100.0", "50.0", "50.0"]
    assert list(block.table.rows[1]) == ["1", "0", *["–"] * 6]


def test_the_mean_precision_at_a_recall_is_that_of_the_first_threshold_that_reaches_it():
    one = PrecisionRecall(np.array([1.0, 0.5]), np.array([0.5, 1.0]), 0.75)
    other = PrecisionRecall(np.array([0.25]), np.array([1.0]), 0.25)
    mean = _mean_precision([one, other])
    assert (mean[0], mean[50], mean[51], mean[100]) == (0.625, 0.625, 0.375, 0.375)


def test_a_spread_is_the_mean_with_the_range_over_the_seeds():
    assert Spread.of([0.5, 0.25, np.nan]).text(1, scale=100) == "37.5 [25.0, 50.0]"
    assert Spread.of([0.5]).text(2) == "0.50"
    assert Spread.of([np.nan]).text(2) == "–"
