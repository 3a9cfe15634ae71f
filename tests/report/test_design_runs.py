from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from design_tables import factorial, two_references, walk
from test_design_sections import END, LEVELS, START, crossing, inputs_of

from ablate.report.build import design_sections
from ablate.report.inputs import Inputs
from ablate.report.interactions import found_factorials
from ablate.report.page import Figure, Folded, Link, Table
from ablate.report.runs import factorial_runs, path_runs, runs_block


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Both references, a factorial of which a cell is missing in seed 3, and both walks; run ids are made up."""
    crossed = factorial(LEVELS, crossing, seeds=range(7))
    crossed = crossed[crossed["design"] == "factorial"]
    lost = (crossed["seed"] == 3) & (crossed["a"] == "on") & (crossed["b"] == 2)
    walks = [walk(direction, START, END, crossing, n_seeds=7) for direction in ("forward", "backward")]
    table = pd.concat([two_references(START, END, crossing, n_seeds=7), crossed[~lost], *walks], ignore_index=True)
    table["run_id"] = [f"{place:04x}" * 8 for place in range(len(table))]
    table.loc[table["design"] == "path", "same_as"] = "ablation-x"
    return inputs_of(tmp_path_factory.mktemp("runs"), table)


def test_a_row_that_the_user_left_out_of_a_table_is_not_called_killed(inputs: Inputs) -> None:
    results = inputs.results.assign(reason="")
    first, second = results.index[results["design"] == "factorial"][:2]
    results.loc[[first, second], "state"] = "killed"
    results.loc[first, "reason"] = "no score is recorded"
    facts = replace(inputs.facts, foreign=True)
    _, rows, _ = table_of(factorial_runs(replace(inputs, results=results, facts=facts), []))
    states = [row[3] for row in rows]
    assert (states.count("left out"), states.count("killed")) == (1, 1)


def test_runs_without_seeds_show_none(inputs: Inputs) -> None:
    facts = replace(inputs.facts, foreign=True, seed_column="")
    _, rows, _ = table_of(runs_block(replace(inputs, facts=facts)))
    assert {row[2] for row in rows} == {"–"}


def table_of(folded: Folded | None) -> tuple[list[str], list[list[str]], pd.DataFrame]:
    assert folded is not None
    assert folded.table.data is not None
    return list(folded.table.head), [[str(cell) for cell in row] for row in folded.table.rows], folded.table.data


def test_a_factorial_lists_every_run_cell_by_cell_and_says_which_seeds_are_left_out(inputs: Inputs) -> None:
    head, rows, data = table_of(factorial_runs(inputs, found_factorials(inputs)))
    assert head == ["Cell", "Seed", "Test accuracy, %", "State", "Trial", "MLflow run", "Averaged"]
    assert len(rows) == 4 * 7 - 1
    assert [row[1] for row in rows[:7]] == list("0123456")
    assert {row[1] for row in rows if row[-1] == "no"} == {"3"}
    assert rows[0][2] == f"{100 * crossing(START, 0):.2f}"
    assert data["run_id"].str.len().eq(32).all()
    assert rows[0][5] == data["run_id"].iloc[0][:8]


def test_a_walk_lists_the_runs_of_every_candidate_and_they_give_its_score(inputs: Inputs) -> None:
    folded = path_runs(inputs)
    head, rows, data = table_of(folded)
    assert head == ["Direction", "Step", "Candidate", "Seed", "Validation accuracy, %", "State", "Trial", "MLflow run",
                    "Reuses result of"]  # fmt: skip
    assert rows[0][:4] == ["forward", "0", "start", "0"]
    assert {row[2] for row in rows if row[:2] == ["forward", "1"]} == {"a = on", "b = 2"}
    assert all(row[-1] == "ablation-x" for row in rows)
    (figure,) = (b for s in design_sections(inputs) if s.name == "paths" for b in s.blocks if isinstance(b, Figure))
    assert figure.table is not None
    assert figure.table.data is not None
    told = figure.table.data.query("direction == 'forward' and step == 1 and factor == 'b'")["score"]
    means = data.query("direction == 'forward' and step == 1 and factor == 'b'")["score (fraction)"].mean()
    assert told.tolist() == pytest.approx([means])


def test_every_table_of_a_design_leads_to_its_runs(inputs: Inputs) -> None:
    behind = runs_block(inputs)
    assert behind is not None
    sections = {section.name: section for section in design_sections(inputs, anchors=behind.anchors())}
    there = {"factorial-runs", *behind.anchors()}
    there |= {anchor for s in sections.values() for b in s.blocks if isinstance(b, Folded) for anchor in b.anchors()}
    leading: dict[str, int] = {}
    for name, section in sections.items():
        tables = [b if isinstance(b, Table) else getattr(b, "table", None) for b in section.blocks]
        links = [cell for t in tables if t is not None for row in t.rows for cell in row if isinstance(cell, Link)]
        assert {link.anchor for link in links} <= there
        leading[name] = len(links)
    # three terms of the factorial; two factors from both ends; two walks of 1 + 2 + 1 candidates
    assert leading == {"interactions": 3, "directions": 4, "paths": 8}


def test_what_was_not_trained_by_a_design_has_no_such_table(tmp_path: Path) -> None:
    plain = inputs_of(tmp_path, two_references(START, END, crossing, n_seeds=6))
    assert factorial_runs(plain, []) is None
    assert path_runs(plain) is None
