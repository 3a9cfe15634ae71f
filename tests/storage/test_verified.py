from dataclasses import replace

import pytest

from ablate.errors import DataError
from ablate.storage.verified import (
    Difference,
    RetrainedTrial,
    Round,
    in_a_sentence,
    in_words,
    read_rounds,
    write_rounds,
)

DIFFERENCE = Difference("val_accuracy of epoch 3", 0.41, 0.43, 0.02)
EQUAL = RetrainedTrial("a", "equal", 0.0, ("finished", "finished"), (0.5, 0.5), {"score": 0.0}, None)
NEAR = replace(EQUAL, trial="b", verdict="within", tolerance=0.001, largest=Difference("score", 0.5, 0.5000002, 2e-7))
OTHER = RetrainedTrial("c", "differs", 0.0, ("finished", "finished"), (0.5, 0.4), {"val_accuracy": 0.02}, DIFFERENCE)
ROUND = Round("2026-11-21T10:30:00+01:00", 127, {"keras": "3.15.0"}, (), (EQUAL,))


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (EQUAL, "equal to the bit"),
        (replace(EQUAL, state=("diverged", "diverged")), "equal to the bit, diverged again"),
        (replace(EQUAL, state=("out_of_memory", "out_of_memory"), compared={}), "out of memory again"),
        (NEAR, "within 0.001: differs by 2e-07"),
        (replace(NEAR, state=("diverged", "diverged")), "diverged again"),
        (replace(NEAR, largest=Difference("best_epoch", 3, 4, None)), "within 0.001"),
        (OTHER, "DIFFERS by 0.02: val_accuracy of epoch 3 0.41 → 0.43"),
        (replace(OTHER, largest=Difference("best_epoch", 3, 4, None)), "DIFFERS: best_epoch 3 → 4"),
        (replace(OTHER, largest=Difference("test_loss", 1.5, None, None)), "DIFFERS: test_loss 1.5 → none"),
        (
            replace(OTHER, state=("finished", "failed"), reason="ValueError: a\n  b"),
            "DIFFERS: finished → failed (ValueError: a b)",
        ),
    ],
)
def test_a_verdict_says_what_differs_and_by_how_much(check, words):
    assert in_words(check) == words


def test_two_numbers_are_shown_with_as_few_digits_as_tell_them_apart():
    close = replace(OTHER, largest=Difference("score", 0.1 + 0.2, 0.3, 5.6e-17))
    assert in_words(close) == "DIFFERS by 5.6e-17: score 0.30000000000000004 → 0.3"
    assert "0.41234 → 0.41231" in in_words(replace(OTHER, largest=Difference("score", 0.4123412, 0.4123098, 3e-5)))


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([EQUAL], "1 of 127 trials was retrained on 2026-11-21: equal to the bit"),
        ([EQUAL, replace(EQUAL, trial="x")], "2 of 127 trials were retrained on 2026-11-21: all equal to the bit"),
        (
            [EQUAL, NEAR, OTHER],
            "3 of 127 trials were retrained on 2026-11-21: "
            "1 equal to the bit; 1 within 0.001 (by up to 2e-07); 1 DIFFERS (c)",
        ),
        (
            [replace(OTHER, trial=name) for name in "uvwxy"],
            "5 of 127 trials were retrained on 2026-11-21: 5 DIFFER (u, v, w and 2 more)",
        ),
        ([], ""),
    ],
)
def test_a_round_is_one_sentence(checks, said):
    assert in_a_sentence([replace(ROUND, checks=tuple(checks))]) == said


def test_over_several_rounds_the_last_check_of_a_trial_counts():
    later = replace(ROUND, at="2026-11-25T08:00:00+01:00", trials=130, checks=(replace(EQUAL, trial="c"),))
    said = in_a_sentence([replace(ROUND, checks=(EQUAL, OTHER)), later, replace(ROUND, checks=())])
    assert said == "2 of 130 trials were retrained from 2026-11-21 to 2026-11-25: all equal to the bit"
    assert "DIFFERS (c)" in in_a_sentence([later, replace(ROUND, checks=(EQUAL, OTHER))])


def test_a_table_that_was_changed_is_told_with_the_trials():
    said = in_a_sentence([replace(ROUND, table=("c: score 0.9, recorded was 0.5", "d: state …"))])
    assert said.endswith("results.csv differs from the record (c: score 0.9, recorded was 0.5 and 1 more)")


def test_what_is_written_is_read_back(tmp_path):
    counts = replace(OTHER, largest=Difference("best_epoch", 3, 4, None), compared={"best_epoch": None})
    rounds = [replace(ROUND, checks=(EQUAL, NEAR, counts), changes=("keras: …",), table=("t",)), ROUND]
    write_rounds(tmp_path, rounds)
    assert read_rounds(tmp_path) == rounds
    assert repr(read_rounds(tmp_path)) == repr(rounds)  # whole numbers stay whole


def test_without_the_file_nothing_was_verified_and_a_broken_one_is_an_error(tmp_path):
    assert read_rounds(tmp_path) == []
    for content in ("", "[", "{}", '[{"at": 1}]', '[{"at": "2026-11-21"}]'):
        (tmp_path / "verified.json").write_text(content)
        with pytest.raises(DataError, match=r"verified\.json: is not a list of verified trials\n  delete the file"):
            read_rounds(tmp_path)
