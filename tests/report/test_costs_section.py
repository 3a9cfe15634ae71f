"""What the report says about the cost of each variant."""

import math

import pandas as pd
import pytest
from synthetic import write_study

from ablate.report.costs import cost_columns, costs_block, parameters_text, seconds_text, with_costs
from ablate.report.effects import effects_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.page import Folded, Table


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("costs") / "cifar_mlp"))


def table_of(inputs: Inputs) -> Table:
    section = effects_section(inputs)
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Table))


def test_each_effect_has_its_cost_beside_it(inputs: Inputs) -> None:
    table = table_of(inputs)
    assert list(table.head[-2:]) == ["Parameters, time of an epoch, epochs to best", "Runs"]
    assert {str(row[-2]).replace("\N{NO-BREAK SPACE}", " ") for row in table.rows} == {"499 k · 0.50 s · 15"}
    assert table.data is not None
    assert {"parameters", "epoch_seconds (s)", "epochs_to_best"} <= set(table.data.columns)
    assert not any(str(name).startswith("reference_param") for name in table.data.columns)


def test_a_variant_without_a_finished_run_has_one_dash() -> None:
    effects = pd.DataFrame({"parameters": [100.0, math.nan], "epochs_to_best": [3.0, math.nan]})
    ((heading, text),) = cost_columns(effects)
    assert heading == "Parameters, epochs to best"
    assert [text(row).replace("\N{NO-BREAK SPACE}", " ") for row in effects.to_dict("records")] == ["100 · 3", "–"]


def test_costs_that_no_run_records_have_no_column(tmp_path) -> None:
    folder = write_study(tmp_path / "cifar_mlp", bare=True)  # without a table of epochs
    results = pd.read_csv(folder / "results.csv", keep_default_na=False).assign(parameters="", best_epoch="")
    results.to_csv(folder / "results.csv", index=False)
    bare = read_inputs(folder)
    assert not [head for head in table_of(bare).head if "arameters" in head or "best" in head]
    assert costs_block(with_costs(bare.primary_effects(), bare)) == []


def test_costs_are_ratios_to_those_of_the_reference() -> None:
    effects = pd.DataFrame({
        "factor": ["width", "width"], "level": ["64", "lost"], "variant": ["width=64", "width=lost"], "mode": ["", ""],
        "against": ["reference"] * 2, "parameters": [30_000.0, math.nan], "reference_parameters": [12_000.0] * 2,
        "epoch_seconds": [1.5, math.nan], "reference_epoch_seconds": [3.0] * 2,
        "epochs_to_best": [math.nan] * 2, "reference_epochs_to_best": [4.0] * 2,
    })  # fmt: skip
    (block,) = costs_block(effects)
    assert isinstance(block, Folded)
    assert list(block.table.rows[0]) == [
        "width", "64", "30.0\N{NO-BREAK SPACE}k", "12.0\N{NO-BREAK SPACE}k", "× 2.50", "1.5", "3.0", "× 0.50",
    ]  # fmt: skip
    assert list(block.table.rows[1]) == [
        "width", "lost", "–", "12.0\N{NO-BREAK SPACE}k", "–", "–", "3.0", "–",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7940, "7,940"), (9999, "9,999"), (12_345, "12.3 k"), (999_600, "1.00 M"), (2.5e9, "2.50 G")],
)
def test_parameters_have_three_digits(value: float, text: str) -> None:
    assert parameters_text(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00421, "0.0042"), (0.5, "0.50"), (12.3, "12"), (math.nan, "–"), (0, "–")]
)
def test_seconds_have_two_digits(value: float, text: str) -> None:
    assert seconds_text(value) == text
