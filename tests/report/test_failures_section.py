import pytest
from synthetic import write_study

from ablate.report.failures import failures_block
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.page import Table


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
