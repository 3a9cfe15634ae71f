import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported

DAYS = [f"2026-11-{day:02} 10:00:00" for day in range(1, 17)]


def facts(ignore=(), **columns):
    """The facts of a table of two optimizers with eight seeds each; `columns` have 16 values, first those of adam."""
    table = {"optimizer": ["adam"] * 8 + ["sgd"] * 8, "seed": [*range(8)] * 2}
    scores = {"accuracy": [0.8 + (at * 7 % 16) / 200 for at in range(16)]}
    return read_imported(
        runs(table | columns | scores),
        ImportOptions(factors=("optimizer",), seed="seed", score="accuracy", ignore=ignore),
    ).facts


@pytest.mark.parametrize(
    "values",
    [
        [10_000] * 8 + [25_000] * 8, [100 + at for at in range(16)], DAYS, ["as in the paper"] * 8 + ["ours"] * 8,
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["n_params", "runtime", "description"])
def test_a_column_that_nobody_compared_but_that_tells_the_sides_apart_is_said(name, values):
    found = facts(**{name: values})
    if found.confounded:  # compared after all, which withholds the verdict
        assert name in found.confounded[0]
    else:
        assert name in found.not_looked_at
        assert found.separating == [f"{name} separates optimizer=adam from optimizer=sgd in every run"]


def test_values_that_overlap_and_names_that_never_repeat_separate_nothing():
    overlapping = facts(n_params=[10, 20] * 8, notes=["fine", "", "rerun", ""] * 4, date=[*DAYS[::2], *DAYS[1::2]])
    assert overlapping.separating == []
    assert {"notes", "date"} <= {*overlapping.not_looked_at}
    assert facts(notes=[f"note {at}" for at in range(16)]).separating == []


COMMENT = "is filled in for {} of 8 finished runs of optimizer=adam and for {} of 8 finished runs of optimizer=sgd"


@pytest.mark.parametrize("blank", ["", "-", "none", "n/a"])
@pytest.mark.parametrize("texts", [["trained 3x longer"] * 8, [f"trained {at}x longer" for at in range(8)]])
@pytest.mark.parametrize("name", ["remarks", "Notes", "run comment", "description"])
def test_a_comment_on_all_runs_of_one_side_alone_tells_the_sides_apart(name, texts, blank):
    found = facts(**{name: [blank] * 8 + texts})
    assert name in found.not_looked_at
    separates = f"{name} separates optimizer=adam from optimizer=sgd in every run"
    assert found.separating in ([separates], [f"{name} {COMMENT.format(0, 8)}"])
    assert any(found.separating[0] in note for note in found.notes)


@pytest.mark.parametrize("name", ["remarks", "comment"])
def test_comments_that_are_more_common_on_one_side_than_by_chance_are_said(name):
    assert facts(**{name: ["longer"] * 7 + [""] + [""] * 8}).separating == [f"{name} {COMMENT.format(7, 0)}"]
    few = ["longer", "gpu 3", *[""] * 6, *[""] * 8]
    assert facts(**{name: few}).separating == []


def test_a_text_column_filled_on_one_side_alone_is_said_but_no_number_and_no_message_of_lost_runs():
    patches = [f"patch {at}" for at in range(8)]
    assert facts(patch=[""] * 8 + patches).separating == [f"patch {COMMENT.format(0, 8)}"]
    assert facts(best_epoch=[""] * 8 + [*range(8)]).separating == []
    lost = facts(error=[""] * 8 + [f"out of memory {at}" for at in range(8)], state=["finished"] * 8 + ["failed"] * 8)
    assert lost.separating == []


def test_what_separates_the_sides_can_be_trusted_with_ignore():
    remarks = {"remarks": [""] * 8 + ["longer"] * 8}
    found = facts(ignore=("remarks",), **remarks)
    assert found.separating == []
    end = "and is ignored as you asked (--ignore): a difference may come from it"
    assert found.ignored == [f"remarks {COMMENT.format(0, 8)} {end}"]
    assert f"{found.ignored[0]}" in found.notes


def test_another_score_is_left_out_though_a_large_effect_separates_it():
    assert facts(val_loss=[0.9] * 8 + [0.1] * 8).separating == []


def test_a_circumstance_without_a_difference_was_compared():
    found = facts(host=["a", "b"] * 8)
    assert found.looked_at == ["host"]
    assert found.not_looked_at == []
