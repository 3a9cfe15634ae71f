import dataclasses

import pytest
from synthetic import write_study

from ablate.report.failures import failures_block, failures_section
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.page import Paragraph, Table


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("failures") / "cifar_mlp"))


def test_failures_have_a_table_of_their_own(inputs: Inputs) -> None:
    (table,) = failures_block(inputs.primary_effects())
    assert isinstance(table, Table)
    lossy = inputs.primary_effects().query("n_lost > 0 or reference_lost > 0")
    assert len(table.rows) == len(lossy) > 0
    assert table.rows[0][2] == f"{lossy['n_lost'].iloc[0]} of {lossy['n_runs'].iloc[0]}"
    assert failures_block(inputs.primary_effects().assign(n_lost=0, reference_lost=0)) == []


def test_a_row_that_the_user_left_out_of_a_table_is_not_called_killed(inputs: Inputs) -> None:
    results = inputs.results.assign(state="finished", reason="")
    at = results.index[results["phase"] == "search"][:2]
    results.loc[at, "state"] = "killed"
    results.loc[at[:1], "reason"] = "no score is recorded"
    facts = dataclasses.replace(inputs.facts, foreign=True)
    section = failures_section(dataclasses.replace(inputs, results=results, facts=facts))
    assert section is not None
    paragraph, table = section.blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(table, Table)
    said = "1 of 24 runs did not finish: 1 killed. 1 of 24 runs has no score or no state."
    assert paragraph.text.startswith(said)
    assert [str(row[1]) for row in table.rows] == ["✕\N{NO-BREAK SPACE}left out", "✕\N{NO-BREAK SPACE}killed"]
