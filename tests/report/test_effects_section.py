import dataclasses
import math

import pandas as pd
import pytest
from synthetic import write_study

from ablate.analysis.effects import Metric
from ablate.report.effects import effects_in_files, effects_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.page import Figure, Folded
from ablate.report.robustness import robustness_block
from ablate.report.trust import trust_section

LOSS = Metric("val_loss", "score", 1, 1.0, "nats", -2.3, 0.01, "minimize")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("effects") / "cifar_mlp"))


def sentence(inputs: Inputs, verdicts: list[str]) -> str:
    effects = inputs.primary_effects().head(len(verdicts)).assign(verdict=verdicts, diverged=0)
    section = effects_section(dataclasses.replace(inputs, effects=effects))
    assert section is not None
    figure = section.blocks[0]
    assert isinstance(figure, Figure)
    return figure.sentence.partition(" Off the axis")[0]


def test_every_verdict_is_counted_by_its_word_and_nothing_is_said_of_what_was_not_tested(inputs: Inputs) -> None:
    assert sentence(inputs, ["too few seeds"] * 6) == "All 6 comparisons have too few seeds for a verdict."
    assert sentence(inputs, ["inconclusive"]) == "The only comparison is undecided."
    assert sentence(inputs, ["equivalent", "lost runs"]) == (
        "Of 2 comparisons, none is shown to help or hurt, 1 is equivalent, 1 has lost runs, so no size is claimed."
    )
    assert sentence(inputs, ["helps", "hurts", "hurts", "detectable, size undecided"]) == (
        "Of 4 comparisons, 1 helps, 2 hurt, 1 is detectable, its size undecided."
    )


def test_clean_runs_say_which_failure_rate_they_do_not_exclude(inputs: Inputs) -> None:
    def told(effects: pd.DataFrame) -> str:
        return str(trust_section(dataclasses.replace(inputs, effects=effects), []).blocks)

    clean = inputs.effects.assign(n_lost=0, reference_lost=0, n_runs=6, failure_high=1 - 0.05 ** (1 / 6))
    assert "6 clean runs do not exclude that a variant fails in up to 39 % of its runs" in told(clean)
    assert "clean run" not in told(inputs.effects)


def test_a_loss_is_above_zero_in_the_files_and_its_differences_say_what_is_better() -> None:
    effects = pd.DataFrame({"mean": [0.1], "variant_mean": [-0.4], "reference_mean": [-0.5]})
    written = effects_in_files(effects, LOSS)
    assert written.iloc[0].to_dict() == {
        "mean": 0.1, "variant_mean": 0.4, "reference_mean": 0.5, "direction": "minimize",
    }  # fmt: skip


def test_other_ways_to_look_at_it_are_folded_and_claim_no_verdict(inputs: Inputs) -> None:
    (block,) = robustness_block(inputs.primary_effects(), inputs)
    assert isinstance(block, Folded)
    assert "no verdict rests on them" in block.sentence
    assert len(block.table.rows) == len(inputs.primary_effects())
    assert {"wilcoxon_p", "better_low", "p_within"} <= set(block.table.data.columns)  # type: ignore[union-attr]
    few = inputs.primary_effects().assign(n=5)
    assert robustness_block(few, inputs) == []


@pytest.mark.parametrize(("column", "has_seeds"), [("seed", True), (None, True), ("", False)])
def test_the_caption_of_a_table_without_seeds_speaks_of_means(
    inputs: Inputs, column: str | None, has_seeds: bool
) -> None:
    effects = inputs.effects.assign(low=math.nan, high=math.nan)
    facts = dataclasses.replace(inputs.facts, foreign=True, seed_column=column)
    section = effects_section(dataclasses.replace(inputs, facts=facts, effects=effects))
    assert section is not None
    [reading] = [block.reading for block in section.blocks if isinstance(block, Figure)]
    assert ("Each light dot is one seed" in reading) == has_seeds
    assert ("with the same seed" in reading) == has_seeds
    assert ("without seeds there is no interval" in reading) == (not has_seeds)
