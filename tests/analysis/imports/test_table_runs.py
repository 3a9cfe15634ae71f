import pytest
from tables import crossed, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.table_comparisons import find_comparisons
from ablate.analysis.imports.table_runs import prepared, read_table_runs
from ablate.errors import DataError


def read(table, **asked):
    return read_table_runs(prepared(runs(table)), ImportOptions(**asked))


def test_the_runs_of_a_table_have_roles_configurations_and_cells():
    table = crossed().astype({"acc": object})
    table.loc[0, "acc"] = ""
    found = read(table)
    assert found.roles.factors == ("norm", "drop")
    assert len(found.found.codes) == 6
    assert found.finished_runs().tolist() == [1, 2, 2, 2, 2, 2]
    assert len(found.cells.rows) == 12
    with pytest.raises(DataError, match="no run finished with a score: 11 left out, 1 failed"):
        read(crossed().assign(state=["failed"] + [""] * 11, acc=["0.5"] + [""] * 11), missing="drop")


def test_a_spoilt_comparison_ends_the_factorial_and_leaves_the_others():
    made = find_comparisons(read(crossed(seeds=range(4))))
    assert made.is_crossed
    assert made.is_compared
    assert made.designs == ["one-factor", "factorial"]
    uneven = crossed(seeds=range(4)).assign(batch=lambda rows: (rows["norm"] == "batch").map({True: 64, False: 32}))
    spoilt = find_comparisons(read(uneven, factors=("norm", "drop")))
    assert spoilt.designs == ["one-factor"]
    assert set(spoilt.one_factor["factor"]) == {"", "drop"}
