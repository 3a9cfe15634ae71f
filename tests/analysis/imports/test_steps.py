import pytest
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.steps import counted, find_steps, is_budget


def steps(table, **asked):
    source = runs(table)
    return find_steps(source, ImportOptions(**asked), recognize(map(str, source.table)))


def test_the_steps_are_the_columns_named_so_that_vary_and_the_finest_comes_first():
    table = {"epoch": [0, 0, 1, 1], "global_step": [0, 1, 2, 3], "round": [1] * 4, "acc": [0.1, 0.2, 0.3, 0.4]}
    assert steps(table) == ["global_step", "epoch"]
    assert steps(table, factors=("epoch",)) == ["global_step"]
    assert steps({"epoch": [0.5, 1.5], "acc": [1, 2]}) == []


def test_a_counter_comes_before_a_budget_with_as_many_values():
    assert steps({"epochs": [1, 2, 3], "epoch": [1, 2, 3], "acc": [1, 2, 3]}) == ["epoch", "epochs"]


@pytest.mark.parametrize(("name", "budget"), [("epoch", False), ("global_step", False), ("epochs", True),
                                              ("max_steps", True)])  # fmt: skip
def test_a_plural_may_be_a_budget(name, budget):
    assert is_budget(name) == budget


def test_numbers_after_a_word_are_counted():
    assert counted(runs({"epoch": ["epoch 3", "epoch 12"]}), "epoch").tolist() == [3, 12]
    assert counted(runs({"epoch": ["3", ""]}), "epoch") is None
    assert counted(runs({"epoch": ["first", "second"]}), "epoch") is None
