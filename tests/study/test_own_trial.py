"""Studies whose trials a function or a program of the user's trains."""

import pytest
from study_texts import GOOD, OWN_COMMAND, OWN_TRAIN

from ablate.study.own_trial import filled, placeholders
from ablate.study.toml import to_toml


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("text", [OWN_TRAIN, OWN_COMMAND])
def test_what_is_written_back_gives_an_equal_study(load, text, quick):
    study = load(text, quick=quick)
    assert study.model.trains_itself
    again = load(to_toml(study), quick=quick)
    assert again.model_copy(update={"source": study.source}) == study


def test_a_function_needs_neither_data_nor_optimizer_nor_learning_rate(load):
    study = load(OWN_TRAIN)
    assert study.data.name == ""
    assert (study.model.role, study.model.name) == ("train", "my.py:train")
    assert study.ablation.learning_rate == ("carry",)


def test_levels_of_any_name_are_a_functions_own(load):
    study = load(OWN_TRAIN.replace("solver", "optimizer"))
    assert study.space.dimensions["optimizer"].levels() == ("lbfgs", "saga")


def test_further_keys_are_arguments_of_the_function(load):
    study = load(OWN_TRAIN.replace("[metric]", "depth = 3\n[metric]"))
    assert dict(study.model.options) == {"depth": 3}


def test_examples_are_left_as_they_are_unless_the_study_scales_them(load):
    data = '[data]\nname = "digits"\n'
    assert load(data + OWN_TRAIN).data.scaling == "none"
    assert load(data + 'scaling = "unit"\n' + OWN_TRAIN).data.scaling == "unit"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[metric]", "[transfer]\nclasses = [1, 2]\n[metric]", "transfer: is for networks that ablate trains"),
        ("[metric]", "[training]\npatience = 3\n[metric]", "training.patience: is for networks that ablate trains"),
        ("[metric]", '[training]\nbackend = "jax"\n[metric]', "training.backend: is for networks that ablate trains"),
        (
            "[metric]",
            '[training]\nkeep = "best"\n[metric]',
            "training.keep: keeps models of networks that ablate trains",
        ),
        ("[metric]", "[retries]\nout_of_memory = 1\n[metric]", "retries.out_of_memory: retrains in smaller batches"),
        (
            "[metric]",
            '[ablation]\nlearning_rate = "find"\n[metric]',
            'ablation.learning_rate: "find" needs a range test',
        ),
        ("[metric]", '[ablation]\nlearning_rate = "tune"\n[metric]', '"tune" needs a factor learning_rate'),
        ("strength = 1.0", 'strength = 1.0\nlearning_rate = "find"', '"find" needs a range test'),
        ("strength = 1.0", "strength = 1.0\nreport = 3", "baseline.report: is the name of a value"),
        ('name = "accuracy"', "", "metric.name: is missing: the trials report"),
        ('name = "accuracy"', 'name = "val_accuracy"', '"val_accuracy" names the examples'),
        ('name = "accuracy"', 'name = "Test_accuracy"', "by its name a score of the test set"),
        ('name = "accuracy"', 'name = "accuracy_test"', "by its name a score of the test set"),
        ('name = "accuracy"', 'name = "my.py:f"', "is no name of a metric"),
        ('name = "accuracy"', 'name = "frobs"', "does not tell whether higher values are better"),
        ("train = ", 'name = "mlp"\ntrain = ', "model: names name and train"),
        ('"my.py:train"', '"my.py"', "names no function"),
        ('"my.py:train"', "3", "model.train: must be text"),
    ],
)
def test_what_only_the_engine_does_is_refused(complaint, old, new, said):
    assert said in complaint(OWN_TRAIN.replace(old, new))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python fit.py --x {depth}", "{depth} is no factor"),
        ("python fit.py {", "brace that belongs to no"),
        ("python fit.py 'open", "cannot be split into words"),
        ("  ", "must be text"),
        ("python fit.py > log", "would be passed to the program as a word"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(complaint, command, said):
    text = OWN_COMMAND.replace("python fit.py --solver {solver} --c {strength}", command)
    assert said in complaint(text)


def test_a_program_reads_its_own_data(complaint):
    assert "data: is read by networks and functions" in complaint('[data]\nname = "digits"\n' + OWN_COMMAND)


def test_a_value_stays_one_word_whatever_is_in_it():
    words = filled("run '{name}' --x={value} --flag {on} {{literal}}", {"name": "a b; rm", "value": 0.5, "on": True})
    assert words == ["run", "a b; rm", "--x=0.5", "--flag", "true", "{literal}"]
    assert list(placeholders("{a} {{b}} {c} }")) == ["a", "c", ""]


def test_the_data_of_a_network_are_not_optional(complaint):
    assert "data.name: is missing" in complaint(GOOD.replace('[data]\nname = "digits"\n', ""))
