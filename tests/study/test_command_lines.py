"""Command lines in study files: their words, placeholders and variables."""

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.own_trial import filled, variable_of

STUDY = """
name = "tiny"
title = "A program"
[model]
command = '''{command}'''
[metric]
name = "mae"
[baseline]
depth = 2
{factor} = 1
[space]
depth = [2, 3]
"""


def read(folder, command="true", *, factor="other"):
    (folder / "tiny.toml").write_text(STUDY.replace("{command}", command).replace("{factor}", factor))
    return load_study(folder / "tiny.toml", overrides=[], quick=False)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python train.py --lr {lr}", ["python", "train.py", "--lr", "1e-05"]),
        ("run --name={name} '{name}'", ["run", "--name=a b; rm $HOME *", "a b; rm $HOME *"]),
        ("run '--set x={on}' \"{{lr}}\"", ["run", "--set x=true", "{lr}"]),
        ("run {name}{lr}", ["run", "a b; rm $HOME *1e-05"]),
    ],
)
def test_a_value_is_one_word_or_a_part_of_one_whatever_is_in_it(command, words):
    assert filled(command, {"lr": 1e-05, "name": "a b; rm $HOME *", "on": True}) == words


def test_variables_have_names_that_every_shell_takes():
    assert [variable_of(name) for name in ("learning_rate", "Batch size", "größe", "a.b-c")] == [
        "ABLATE_LEARNING_RATE", "ABLATE_BATCH_SIZE", "ABLATE_GR_SSE", "ABLATE_A_B_C",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        ("Trial", "baseline.Trial: would be the program's variable ABLATE_TRIAL, which holds the trial's name"),
        ("Seed", "baseline.Seed: would be the program's variable ABLATE_SEED, which holds the trial's seed"),
        ("Depth", "baseline.Depth: would be the program's variable ABLATE_DEPTH, which holds the factor depth"),
    ],
)
def test_two_values_in_one_variable_are_refused(tmp_path, factor, said):
    with pytest.raises(StudyError, match=f"{said}\n  rename the factor"):
        read(tmp_path, factor=factor)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python train.py | tee log", r'"\|" would be passed to the program as a word'),
        ("python 'train.py", "cannot be split into words: No closing quotation"),
        ("python train.py {lr}", r"\{lr\} is no factor\n  known: \{depth\}"),
        ("python train.py {", r"has a brace that belongs to no \{placeholder\}"),
        ("  ", "must be text"),
    ],
)
def test_what_only_a_shell_would_understand_and_unknown_names_are_refused(tmp_path, command, said):
    with pytest.raises(StudyError, match=rf"(?s)model.command: {said}"):
        read(tmp_path, command)
