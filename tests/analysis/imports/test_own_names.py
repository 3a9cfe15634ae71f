import pytest
from tables import crossed, runs

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.errors import DataError


def prefixed(prefix, **more):
    """The crossed table as a tool writes it."""
    names = {name: f"{prefix}{name}" for name in ("norm", "drop", "seed")}
    return runs(crossed().rename(columns={**names, "acc": "metrics.acc"}).assign(**more))


@pytest.mark.parametrize("prefix", ["params.", "config/", "hparams/", "config."])
def test_factors_are_called_by_their_own_names_and_found_under_both(prefix):
    source = prefixed(prefix)
    foreign = read_imported(source, ImportOptions(score="metrics.acc"))
    assert foreign.facts.factors == ["norm", "drop"]
    assert f"factors {prefix}norm, {prefix}drop" in foreign.notes[0]
    assert {"norm", "drop"} <= set(foreign.results)
    references = [
        read_imported(source, ImportOptions(score="metrics.acc", reference=said)).facts.reference
        for said in ("norm=batch, drop=0.1", f"{prefix}norm=batch,{prefix}drop=0.1", f"norm=batch, {prefix}drop = 0.1")
    ]
    assert references == [{"norm": "batch", "drop": 0.1}] * 3


def test_a_learning_rate_is_ours_whatever_its_prefix():
    table = crossed().rename(columns={"drop": "params.learning_rate", "norm": "params.norm", "acc": "metrics.acc"})
    foreign = read_imported(runs(table), ImportOptions(score="metrics.acc"))
    assert foreign.facts.factors == ["norm", "learning_rate"]
    assert "learning_rate_setting" in foreign.results


def test_a_name_that_another_column_has_too_keeps_its_prefix():
    table = crossed().rename(columns={"norm": "params.norm", "drop": "params.drop", "acc": "metrics.acc"})
    foreign = read_imported(runs(table.assign(norm="constant")), ImportOptions(score="metrics.acc"))
    assert foreign.facts.factors == ["params.norm", "drop"]


def test_a_factor_that_is_not_there_is_answered_with_the_own_names():
    with pytest.raises(DataError, match=r'"nrom" is not a factor\n  known: drop, norm'):
        read_imported(prefixed("params."), ImportOptions(score="metrics.acc", reference="nrom=batch"))


def test_the_report_is_told_what_was_read_as_what_without_the_options_of_the_command():
    said = read_imported(prefixed("params.", host="node1"), ImportOptions(score="metrics.acc")).facts.read_as
    assert said.startswith("factors params.norm, params.drop; score metrics.acc, higher is better; seed params.seed;")
    assert "(--" not in said
    assert "host (the same in every run)" in said
