from pathlib import Path

import pandas as pd
from synthetic import write_study

from ablate.report.checks import checklist
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.modes import changes_in_words, modes_section
from ablate.report.page import Figure, Paragraph, Table


def study(folder: Path, *, n_seeds: int) -> Inputs:
    """Normalization gains 1.5 points less under "carry"; all other variants gain the same."""
    return read_inputs(write_study(folder / "s", n_seeds=n_seeds, modes=("find", "carry")))


def shown(inputs: Inputs) -> tuple[str, Figure, Table]:
    section = modes_section(inputs)
    assert section is not None
    head, figure = section.blocks
    assert isinstance(head, Paragraph)
    assert isinstance(figure, Figure)
    assert figure.table is not None
    return head.text, figure, figure.table


def test_only_effects_whose_paired_difference_is_significant_differ(tmp_path: Path) -> None:
    inputs = study(tmp_path, n_seeds=9)
    head, figure, table = shown(inputs)
    assert "outside the primary family of this report, the 12 comparisons of the headline (learning rate: find)" in head
    assert figure.sentence == (
        "Exploratory: the effect of 2 of 12 variants differs from mode find to another mode; they come first."
    )
    assert [row[1] for row in table.rows[:2]] == ["batch", "layer"]
    assert [row[2] for row in table.rows] == ["yes"] * 2 + ["not shown"] * 10
    # Verdict words differ between the modes for every variant: they are no measure of a change.
    assert all(row[5] != row[9] for row in table.rows)
    assert table.data is not None
    batch = table.data[(table.data["variant"] == "normalization=batch") & (table.data["mode"] == "carry")].iloc[0]
    assert batch["change_low"] < batch["change"] < batch["change_high"] < 0


def test_few_seeds_tell_nothing_and_draw_dots_and_means(tmp_path: Path) -> None:
    inputs = study(tmp_path, n_seeds=4)
    _, figure, table = shown(inputs)
    assert figure.sentence == (
        "Exploratory: fewer than 6 seeds are shared by two modes, too few to tell whether an effect differs."
    )
    assert {row[2] for row in table.rows} == {"too few seeds"}
    assert {row[at] for row in table.rows for at in (4, 8, 12)} == {"–"}
    (check,) = (check for check in checklist(inputs) if check.name.startswith("No conclusion changes"))
    assert check.passed is None


def test_variants_of_one_mode_alone_are_not_counted() -> None:
    none = pd.DataFrame(columns=["variant", "mode", "n", "change", "low", "high", "p_adjusted", "is_changed"])
    assert changes_in_words(none, first="find") == "no variant was compared both in mode find and in another mode."
