import pytest
from tables import crossed, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.errors import DataError


def test_what_varies_is_a_factor_and_what_is_left_out_is_said_with_the_reason():
    table = crossed().assign(host="a", run=[f"r{i}" for i in range(12)], test_loss=0.3, seconds=range(12))
    table["test_loss"] += table.index * 0.7
    roles = find_roles(runs(table), ImportOptions(score="acc"))
    assert roles.factors == ("norm", "drop")
    assert (roles.score, roles.direction, roles.seed) == ("acc", "maximize", "seed")
    said = " ".join(roles.notes)
    for words in ("host (the same in every run)", "run (different in every run)",
                  "test_loss, seconds (looks like a result)", "score acc, higher is better", "seed seed (--seed)",
                  "factors norm, drop (--factors)", "no state (--state)"):  # fmt: skip
        assert words in said
    assert roles.notes[0].startswith("Read as: ")


def test_a_number_drawn_anew_for_each_run_is_a_factor_and_a_counter_is_none():
    table = {"rate": [0.11, 0.2, 0.32], "number": [1, 2, 3], "act": ["a", "b", "a"], "loss": [1, 2, 3]}
    roles = find_roles(runs(table), ImportOptions())
    assert roles.factors == ("rate", "act")
    assert (roles.score, roles.direction, roles.seed) == ("loss", "minimize", "")
    assert "No seed column is given" in roles.notes[-1]


def test_what_is_asked_for_comes_before_what_the_source_knows_and_that_before_names():
    table = {"a": [1, 2], "b": [1, 2], "value": [1, 2], "loss": [3, 4], "replicate": [0, 0]}
    known = runs(table, factors=("a",), score="value", direction="maximize")
    assert find_roles(known, ImportOptions()).factors == ("a",)
    assert find_roles(known, ImportOptions()).direction == "maximize"
    asked = find_roles(known, ImportOptions(("b",), score="loss", seed="a", direction="maximize"))
    assert (asked.factors, asked.score, asked.seed, asked.direction) == (("b",), "loss", "a", "maximize")


def test_what_cannot_be_known_is_asked_for_and_what_is_wrong_refused():
    table = {"a": [1, 2], "b": ["x", "x"], "acc": [1, 2], "loss": [2, 1], "q": [1, 2]}
    for asked, message in (
        (ImportOptions(), "which column is the score\\?\n  name it with --score; it may be acc, loss"),
        (ImportOptions(score="q"), 'is a higher "q" better'),
        (ImportOptions(score="b", direction="maximize"), "must hold numbers"),
        (ImportOptions(score="acc", factors=("b",)), 'the factor "b" is the same in every run'),
        (ImportOptions(score="acc", factors=("acc",)), 'the factor "acc" is the score'),
        (ImportOptions(score="acc", seed="sead"), 'no column "sead"'),
    ):
        with pytest.raises(DataError, match=message):
            find_roles(runs(table), asked)
    with pytest.raises(DataError, match="no column varies except the score"):
        find_roles(runs({"b": ["x", "x"], "acc": [1, 2]}), ImportOptions())
    with pytest.raises(DataError, match='must be "maximize" or "minimize", got "max"'):
        ImportOptions(direction="max")
    with pytest.raises(DataError, match="must be 0 or more"):
        ImportOptions(margin=-0.1)


def test_factors_that_could_not_be_told_apart_are_refused():
    table = {"acc": [1, 2, 3], "seed": [0, 0, 0]}
    for names, message in (
        ({"a=b": ["x", "y", "x"]}, 'a factor\'s name must not contain "=", got "a=b"\n  rename'),
        ({"epochs": [1, 2, 1], "epochs_setting": [3, 3, 4]}, '"epochs" and "epochs_setting" would share one column'),
        ({f"h{i}": [i + 0.5, 0.5, 0.5] for i in range(1, 202)}, "201 columns vary, more than 200 factors"),
    ):
        with pytest.raises(DataError, match=message):
            find_roles(runs({**table, **names}), ImportOptions())


def test_a_score_that_is_no_number_is_shown_with_the_way_to_write_one():
    for cell in ("0,5", "1,234.5", "=1+1"):
        with pytest.raises(DataError) as caught:
            find_roles(runs({"a": [1, 2], "acc": ["0.5", cell]}), ImportOptions())
        said = f'the score "acc" must hold numbers, got "{cell}"\n  write numbers as 1234.5, or choose another column'
        assert said in str(caught.value)
    with pytest.raises(DataError, match="must hold numbers, and it is empty"):
        find_roles(runs({"a": [1, 2], "acc": ["", ""]}), ImportOptions())


def test_an_ignored_column_is_no_factor_though_the_factors_are_not_named():
    table = crossed(seeds=range(4)).assign(gpu=lambda rows: rows["norm"].map({"none": "A100", "batch": "V100"}))
    both = find_roles(runs(table), ImportOptions())
    assert both.factors == ("norm", "drop", "gpu")
    assert any(note.endswith("to compare both at once, add --ignore gpu.") for note in both.notes)
    named = find_roles(runs(table), ImportOptions(factors=("norm", "drop", "gpu")))
    assert any(note.endswith("add --ignore gpu, and leave it out of --factors.") for note in named.notes)
    found = find_roles(runs(table), ImportOptions(ignore=("gpu",)))
    assert found.factors == ("norm", "drop")
    assert "ignored gpu (as you asked, --ignore)" in found.notes[0]
    assert not any("together" in note for note in found.notes)


@pytest.mark.parametrize(("name", "what", "option"), [("acc", "score", "score"), ("seed", "seed", "seed"),
                                                      ("status", "state", "state")])  # fmt: skip
def test_what_cannot_be_ignored_is_refused(name, what, option):
    table = runs(crossed().assign(status="finished"))
    with pytest.raises(DataError, match=f'--ignore: "{name}" is the {what}\n.* another column with --{option}$'):
        find_roles(table, ImportOptions(ignore=(name,)))
    with pytest.raises(DataError, match='--ignore: "norm" is in --factors too'):
        find_roles(table, ImportOptions(factors=("norm",), ignore=("norm",)))
    with pytest.raises(DataError, match='no column "gpus"'):
        find_roles(table, ImportOptions(ignore=("gpus",)))


def test_long_lists_are_cut_in_notes():
    table = {"acc": [1, 2, 3], "seed": [0, 1, 2], "a": [1, 2, 1], **{f"same{i}": [1] * 3 for i in range(500)}}
    notes = find_roles(runs(table), ImportOptions()).notes
    assert notes[0].endswith("same18, same19 and 480 more (the same in every run).")


def test_a_margin_without_end_is_refused():
    with pytest.raises(DataError, match="--margin: must be 0 or more, got inf"):
        ImportOptions(margin=float("inf"))


def test_a_number_written_in_two_ways_is_no_factor():
    roles = find_roles(runs({"a": ["0", "0.0", "0"], "b": [1, 2, 1], "acc": [1, 2, 3]}), ImportOptions())
    assert roles.factors == ("b",)
