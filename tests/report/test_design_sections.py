import json
import math
from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial, two_references, walk

from ablate.report.build import design_sections
from ablate.report.directions import directions_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.interactions import interactions_section
from ablate.report.page import Figure, Folded, Paragraph, Section, Table
from ablate.report.paths import path_section
from ablate.storage.results import write_table

LEVELS = {"a": ["off", "on"], "b": [0, 2]}
START, END = {"a": "off", "b": 0}, {"a": "on", "b": 2}
FACTS = {"monitor": "val_accuracy", "factorial": ["a", "b"], "data": {"n_classes": 10, "n_test": 10_000}}


def crossing(cell, seed):
    """a gains 2.2 points, b gains 4, both together only 1.2; a wobble that differs between cells."""
    a, b = cell["a"] == "on", cell["b"] == 2
    return 0.50 + 0.022 * a + 0.04 * b - 0.05 * a * b + 0.01 * seed + 0.0005 * (-1) ** seed * (a + 2 * b)


def adding(cell, seed):
    return crossing(cell, seed) + 0.05 * (cell["a"] == "on") * (cell["b"] == 2)


def inputs_of(folder: Path, results: pd.DataFrame, **facts: object) -> Inputs:
    write_table(results, folder / "results.csv")
    (folder / "provenance.json").write_text(json.dumps(FACTS | facts))
    return read_inputs(folder)


def figures(section: Section | None) -> dict[str, Figure]:
    assert section is not None
    return {block.name: block for block in section.blocks if isinstance(block, Figure)}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Two references, a factorial between them, and the walks in both directions."""
    crossed = factorial(LEVELS, crossing, seeds=range(8))
    parts = [
        two_references(START, END, crossing, n_seeds=8),
        crossed[crossed["design"] == "factorial"],
        *(walk(direction, START, END, crossing, n_seeds=8) for direction in ("forward", "backward")),
    ]
    return inputs_of(tmp_path_factory.mktemp("designs"), pd.concat(parts))


@pytest.fixture(scope="module")
def sections(full: Inputs) -> dict[str, Section]:
    return {section.name: section for section in design_sections(full)}


def test_every_design_has_its_section(sections: dict[str, Section]) -> None:
    assert list(sections) == ["interactions", "directions", "paths"]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """A factorial alone: the primary family of its report."""
    return inputs_of(tmp_path_factory.mktemp("crossed"), factorial(LEVELS, crossing, seeds=range(8)))


def paragraphs(section: Section | None) -> list[str]:
    assert section is not None
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def words(section: Section) -> list[str]:
    """Everything that a section says: its paragraphs, the sentences, titles and captions of figures and tables."""
    said = paragraphs(section)
    for block in section.blocks:
        if isinstance(block, Figure):
            said += [block.sentence, block.title, *([block.table.caption] if block.table else [])]
        elif isinstance(block, Table):
            said.append(block.caption)
        elif isinstance(block, Folded) and not block.name.endswith("-runs"):
            said += [block.sentence, block.table.caption]
    return said


def test_a_flagged_interaction_is_drawn_and_named(crossed: Inputs) -> None:
    section = interactions_section(crossed)
    assert paragraphs(section)[0].startswith(
        "The primary family of this report is the 3 main effects and two-way interactions of the factorial (learning"
    )
    figure = figures(section)["interactions"]
    assert figure.sentence.startswith("1 of 1 interactions are significant and beyond the margin.")
    assert "a=on × b=2: −5.0 points beyond the sum" in figure.sentence
    assert figure.table is not None
    assert [row[:3] for row in figure.table.rows] == [
        ["a = off", "b = 0", "0.00"],
        ["a = off", "b = 2", "+4.00"],
        ["a = on", "b = 0", "+2.20"],
        ["a = on", "b = 2", "+1.20"],
    ]


def test_the_table_of_the_factorial_says_what_was_planted(crossed: Inputs) -> None:
    section = interactions_section(crossed)
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [row[0] for row in table.rows] == ["a=on", "b=2", "a=on × b=2"]
    assert [row[3] for row in table.rows] == ["−0.30", "+1.50", "−5.00"]
    assert [row[2] for row in table.rows] == ["◆\N{NO-BREAK SPACE}detectable but below margin",
                                              "▲\N{NO-BREAK SPACE}helps", "less together"]  # fmt: skip
    assert table.data is not None
    assert table.data["mean"].tolist() == pytest.approx([-0.003, 0.015, -0.05])


def test_a_second_mode_of_a_factorial_has_no_verdict_beside_the_first(tmp_path: Path) -> None:
    results = factorial(LEVELS, crossing, seeds=range(8))
    both = pd.concat([results.assign(mode="carry"), results])
    section = interactions_section(inputs_of(tmp_path, both[both["variant"] != "reference"]))
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    carry = [row for row in table.rows if row[7] == "carry"]
    assert len(carry) == 3
    assert {(str(row[2]), *row[5:7]) for row in carry} == {("·\N{NO-BREAK SPACE}exploratory", "–", "–")}


def test_beside_one_factor_comparisons_every_sentence_and_table_says_exploratory(sections: dict[str, Section]) -> None:
    for section in sections.values():
        for said in words(section):
            assert "xploratory" in said, said
        assert "primary family of this report, the 5 comparisons of the headline" in paragraphs(section)[0]
    (table,) = (block for block in sections["interactions"].blocks if isinstance(block, Table))
    assert table.head == ("Term", "Kind", "Difference, points", "95 % interval", "Mode", "Seeds")
    assert table.data is not None
    assert set(table.data["verdict"]) == {"exploratory"}
    assert not table.data["flagged"].any()
    figure = figures(sections["interactions"])["interactions"]
    assert "the largest observed interaction is drawn, whatever its size" in figure.sentence


def test_without_a_flag_no_interaction_is_drawn(tmp_path: Path) -> None:
    section = interactions_section(inputs_of(tmp_path, factorial(LEVELS, adding, seeds=range(8))))
    assert list(figures(section)) == ["shares"]
    assert paragraphs(section)[1:] == [
        "The one interaction is not both significant and beyond the margin, so none is drawn. "
        "This does not prove that there is none."
    ]


def test_few_seeds_flag_nothing_however_large_and_show_no_interval(tmp_path: Path) -> None:
    section = interactions_section(inputs_of(tmp_path, factorial(LEVELS, crossing, seeds=range(5))))
    assert list(figures(section)) == ["shares"]
    assert section is not None
    assert paragraphs(section)[1].startswith("With 5 seeds there is no p value (it needs 6 seeds)")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert {cell for row in table.rows for cell in row[4:7]} == {"–"}
    assert [row[3] for row in table.rows] == ["−0.3", "+1.5", "−5.0"]


@pytest.mark.parametrize("facts", [{"overlap": 0.25}, {"metric": {"name": "F1", "direction": "maximize", "unit": ""}}])
def test_a_factorial_that_cannot_be_judged_has_no_verdict_and_says_why(
    tmp_path: Path, facts: dict[str, object]
) -> None:
    """Folds that overlap; lost runs where the score of guessing is unknown."""
    results = factorial(LEVELS, crossing, seeds=range(8))
    results.loc[results.index[-1], ["state", "score"]] = ["diverged", math.nan]
    section = interactions_section(inputs_of(tmp_path, results, **facts))
    head = paragraphs(section)[0]
    assert head.startswith("This section is exploratory: it would be the primary family of this report, but")
    assert ("The folds share" in head) == ("overlap" in facts)
    assert ("Some runs of this section did not finish" in head) == ("metric" in facts)
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert table.data is not None
    assert set(table.data["verdict"]) == {"exploratory"}
    assert table.data["low"].isna().all() == ("overlap" in facts)


def test_one_run_a_cell_is_described_and_claims_nothing(tmp_path: Path) -> None:
    results = factorial(LEVELS, crossing, seeds=[1])
    inputs = inputs_of(tmp_path, results, target_stated=END)
    section = directions_section(inputs)
    figure = figures(section)["directions-factorial"]
    assert figure.sentence == "Exploratory: with fewer than 6 seeds nothing is tested; the marks are means."
    assert figure.table is not None
    assert [row[3] for row in figure.table.rows] == ["–", "–"]


@pytest.mark.parametrize("n_seeds", [8, 12])
def test_a_target_of_the_same_scores_is_said_and_has_no_interval(tmp_path: Path, n_seeds: int) -> None:
    def best_together(cell, seed):
        return crossing(cell, seed) + 0.08 * (cell["a"] == "on") * (cell["b"] == 2)

    inputs = inputs_of(tmp_path, factorial(LEVELS, best_together, seeds=range(n_seeds)))
    direction, path = (
        next(iter(figures(section).values())) for section in (directions_section(inputs), path_section(inputs))
    )
    assert direction.table is not None
    assert path.table is not None
    intervals = {row[at] for row in direction.table.rows for at in (5, 7, 9, 11)} | {row[6] for row in path.table.rows}
    if n_seeds == 8:
        assert "Exploratory (the target is the best of 4 cells by these same scores): " in direction.sentence
        assert "(these same scores chose the steps, and the target as the best of 4 cells): " in path.sentence
        assert intervals == {"–"}
    else:
        assert "half of the seeds chose the target, the best of 4 cells; the others measure" in direction.sentence
        assert "half of the seeds chose the target and the steps; the other 6 seeds measure" in path.sentence
        assert "–" not in {row[5] for row in direction.table.rows}


def test_missing_cells_are_said(tmp_path: Path) -> None:
    results = factorial(LEVELS, crossing, seeds=range(2))
    one_lost = inputs_of(tmp_path, results.iloc[:-1])
    section = interactions_section(one_lost)
    assert section is not None
    assert paragraphs(section)[1] == "Seed 1 lacks some cells; this seed is left out of this section."
    all_lost = inputs_of(tmp_path, results[(results["a"] == "off") | (results["b"] != results["seed"] * 2)])
    section = interactions_section(all_lost)
    assert section is not None
    assert [type(block) for block in section.blocks] == [Paragraph, Folded]  # why, and the runs
    assert directions_section(all_lost) is None
    assert path_section(all_lost) is None


def test_disagreements_are_marked_in_words_and_rows(sections: dict[str, Section]) -> None:
    found = figures(sections["directions"])
    assert list(found) == ["directions-one-factor"]  # the best validation cell changes b alone: no second figure
    figure = found["directions-one-factor"]
    assert figure.sentence == (
        "Exploratory: whether these factors help seems to depend on the others: a, b; test it on new seeds."
    )
    assert figure.table is not None
    first = figure.table.rows[0]
    assert first[:5] == ["a", "off", "on", "≠ signs differ (exploratory)", "+2.20"]
    assert [first[6], first[8], first[10]] == ["−0.30", "−2.80", "−5.00"]  # Shapley, leave-one-out, their change


def test_the_path_is_a_waterfall_with_every_candidate_in_its_table(sections: dict[str, Section]) -> None:
    figure = figures(sections["paths"])["path"]
    assert figure.sentence == (
        "Exploratory (these same scores chose the steps): the first step, b = 2, gains +4.00, and the whole "
        "path +1.20; the way back starts with a, as the score does not suffer (+2.80)."
    )
    assert figure.table is not None
    assert [row[:5] for row in figure.table.rows[:4]] == [
        ["forward", "0", "start", "–", "yes"],
        ["forward", "1", "a", "on", "no"],
        ["forward", "1", "b", "2", "yes"],
        ["forward", "2", "a", "on", "yes"],
    ]
    assert "Every candidate of every step was trained." in figure.reading


def test_a_factorial_alone_has_directions_and_paths_to_the_stated_target(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, factorial(LEVELS, crossing, seeds=range(8)), target_stated=END)
    assert [section.name for section in design_sections(inputs)] == ["interactions", "directions", "paths"]
    section = directions_section(inputs)
    assert list(figures(section)) == ["directions-factorial"]
    assert section is not None
    (pairs,) = (block.table for block in section.blocks if isinstance(block, Folded))
    assert [row[:3] for row in pairs.rows] == [["a → on", "b → 2", "−5.0"]]
    assert pairs.data is not None
    assert pairs.data["kind"].tolist() == ["value", "value", "pair"]
    assert "no candidate was trained" in figures(path_section(inputs))["path"].reading


def test_a_loss_goes_right_when_it_falls(tmp_path: Path) -> None:
    results = factorial(LEVELS, lambda cell, seed: crossing(cell, seed) - 2, seeds=range(6))
    results["val_loss"] = -results["score"]
    results["test_loss"] = -results["test_accuracy"]
    inputs = inputs_of(tmp_path, results, monitor="val_loss", target_stated=END)
    assert "−validation loss, nats" in figures(path_section(inputs))["path"].svg
    assert figures(directions_section(inputs))["directions-factorial"].sentence.startswith(
        "Exploratory: whether these factors help"
    )


def test_anothers_score_keeps_its_name(tmp_path: Path) -> None:
    results = factorial(LEVELS, crossing, seeds=range(6))
    stated = {"name": "F1", "direction": "maximize", "unit": "", "scale": 1.0, "margin": 0.0}
    inputs = inputs_of(tmp_path, results, metric=stated, target_stated=END)
    figure = figures(path_section(inputs))["path"]
    assert ">F1<" in figure.svg
    assert "test set" not in figure.reading


def test_a_long_table_is_folded_with_the_largest_interaction_first(tmp_path: Path) -> None:
    levels = {"a": list(range(5)), "b": list(range(6))}
    results = factorial(levels, lambda cell, seed: 0.3 + 0.001 * cell["a"] * cell["b"] + 0.01 * seed, seeds=[1, 2])
    section = interactions_section(inputs_of(tmp_path, results))
    assert section is not None
    folded, behind = (block for block in section.blocks if isinstance(block, Folded))
    assert (folded.name, behind.name) == ("factorial-effects", "factorial-runs")
    assert folded.sentence == "9 main effects and 20 interactions, the largest first"
    assert [row[0] for row in folded.table.rows][8:11] == ["b=5", "a=4 × b=5", "a=4 × b=4"]
    assert folded.table.data is not None
    means = folded.table.data["mean"].tolist()
    assert means[9:] == sorted(means[9:], reverse=True)


def test_a_table_without_designs_has_none_of_these(tmp_path: Path) -> None:
    results = two_references(START, END, crossing, n_seeds=6)
    plain = results[results["against"] != "best"].drop(columns=["design", "against"])
    assert design_sections(inputs_of(tmp_path, plain[plain["variant"] != "best"])) == []


def test_the_same_table_gives_the_same_bytes(full: Inputs, sections: dict[str, Section]) -> None:
    again = figures(interactions_section(full))
    assert {name: figure.svg for name, figure in again.items()} == {
        name: figure.svg for name, figure in figures(sections["interactions"]).items()
    }
    assert all("<title" in figure.svg and "<desc" in figure.svg for figure in again.values())
