"""Code asks a function that a script handed over for what it knows, and opens no file for it."""

from dataclasses import replace
from pathlib import Path

from ablate.study.data_factors import lists_factors
from ablate.study.given_functions import GivenFunction
from ablate.study.model_ref import ModelRef
from ablate.study.user_code import code_digest, may_compile, named_functions, stands_alone, study_digest
from ablate.study.user_functions import named_function

GIVEN = GivenFunction("train.py:build", "build (defined in train.py)", "abc", ("factors",), call=len)
NOWHERE = Path("nowhere")


def model(given=GIVEN):
    return ModelRef.of(given.name, given=given)


def test_its_digest_stands_for_a_files():
    assert code_digest(model(), base=NOWHERE) == "abc"
    assert model().name == "train.py:build"


def test_it_stands_alone_if_versions_are_recorded_and_nothing_is_opaque():
    assert stands_alone(model(), base=NOWHERE)
    assert stands_alone(model(replace(GIVEN, imported=frozenset({"keras", "json", "numpy"}))), base=NOWHERE)
    assert not stands_alone(model(replace(GIVEN, imported=frozenset({"sklearn"}))), base=NOWHERE)
    assert not stands_alone(model(replace(GIVEN, opaque=("weights",))), base=NOWHERE)


def test_it_may_compile_if_its_code_names_that():
    assert not may_compile(model(), base=NOWHERE)
    assert may_compile(model(replace(GIVEN, names=frozenset({"compile"}))), base=NOWHERE)


def test_data_list_factors_by_the_arguments():
    assert lists_factors(GIVEN.name, base=NOWHERE, given={GIVEN.name: GIVEN})
    plain = replace(GIVEN, arguments=("seed",))
    assert not lists_factors(GIVEN.name, base=NOWHERE, given={GIVEN.name: plain})


def test_a_study_finds_it_by_its_name(tiny_study):
    loss = replace(GIVEN, name="train.py:loss", digest="def")
    study = tiny_study.model_copy(
        update={
            "model": model(),
            "training": tiny_study.training.model_copy(update={"loss": loss.name}),
            "functions": {GIVEN.name: GIVEN, loss.name: loss},
        }
    )
    assert [one.given for one in named_functions(study)] == [GIVEN, loss]
    assert study_digest(study) != study_digest(
        study.model_copy(update={"functions": {GIVEN.name: GIVEN, loss.name: GIVEN}})
    )
    assert named_function(study, loss.name, setting="training.loss") is len
