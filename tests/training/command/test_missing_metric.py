"""Why a program has no number of the deciding metric."""

import pytest

from ablate.training.command.missing_metric import missing_metric


def said(*stdout: str, stderr=(), reported=(), has_written=False, name="accuracy") -> list[str]:
    error = missing_metric(name, reported=reported, has_written=has_written, stdout=list(stdout), stderr=list(stderr))
    return str(error).removeprefix(f"the program reports no {name}, which [metric] names; ").splitlines()


@pytest.mark.parametrize(
    "line",
    ["accuracy: 93.0 %", "accuracy: 93.0%", "accuracy=0.9", "accuracy = 0.9", "Epoch 1 - accuracy: 0.9 - loss: 0.3",
     '{"accuracy": 0.9}', "accuracy: 0,9", "Val_Accuracy 0.9", "accuracy: n/a", "ACCURACY -> 1"],
)  # fmt: skip
def test_a_score_in_another_form_is_quoted_with_the_form_that_counts(line):
    fault, way = said("starting", line, "done")
    assert fault == f'it printed "{line}", which is not a line "name: number"'
    assert way == '  print a line such as "accuracy: 0.5", at each step or at the end'


@pytest.mark.parametrize("line", ["Accuracy: 0.9", "ACCURACY: 0.9"])
def test_a_name_in_other_letters_is_quoted_with_the_right_name(line):
    found, _ = said(line, reported=[line.partition(":")[0]])
    assert found.endswith(f', and it printed "{line}", but the name must be accuracy')


def test_a_line_on_stderr_is_quoted_as_such():
    assert said(stderr=["accuracy: 0.9"])[0] == (
        'it printed "accuracy: 0.9" on stderr, but numbers are read from stdout'
    )
    assert said(stderr=["accuracy 0.9"])[0].endswith('on stderr, which is not a line "name: number"')


def test_colours_are_named_and_left_out_of_the_quotation():
    assert said("\x1b[1;32maccuracy: 0.9\x1b[0m")[0] == (
        'it printed "accuracy: 0.9" in colour, which is not a plain line "name: number"'
    )


def test_a_printed_line_does_not_count_beside_a_report_file():
    found, way = said("accuracy: 0.9", reported=["loss"], has_written=True)
    assert found.startswith(
        'it reports loss, and it printed "accuracy: 0.9", which does not count since it writes into'
    )
    assert way == '  write {"accuracy": 0.5}, say, into $ABLATE_REPORT, at each step or at the end'


def test_the_last_line_with_a_digit_is_chosen():
    assert '"accuracy 0.2"' in said("accuracy 0.1", "accuracy 0.2", "plotting the accuracy", "bye")[0]
    assert '"plotting the accuracy"' in said("plotting the accuracy")[0]


def test_other_metrics_and_words_are_not_quoted():
    assert said("train_mae: 0.5", reported=["train_mae"], name="mae")[0] == "it reports train_mae"
    assert said("maestro 5", "x: 3", name="mae")[0] == "it reports nothing"


def test_a_name_with_an_underscore_is_found_with_a_space_or_a_hyphen():
    assert '"F1-score = 0.5"' in said("F1-score = 0.5", name="f1_score")[0]
    assert '"f1 score = 0.5"' in said("f1 score = 0.5", name="f1_score")[0]


def test_a_long_line_is_cut():
    assert len(said("accuracy " + "0" * 9000)[0]) < 200
