"""Which models stay in the folder of a study, and which go to the tracker."""

import json
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ablate.data import Dataset, Source, to_dataset
from ablate.experiment import kept_models as of_kept
from ablate.experiment.kept_models import (
    SupersededModels,
    best_model,
    fitting_example,
    load_best_model,
    logged_models,
    read_example,
    write_example,
)
from ablate.storage.journal import Entry, Journal
from ablate.storage.models import CARD, ModelCard, ModelEnd, kept_models, model_path
from ablate.study.trial import Label, Outcome, TrialSpec


def dataset(x_train, x_test) -> Dataset:
    labels = (np.arange(len(x)) % 2 for x in (x_train, x_test))
    y_train, y_test = labels
    return to_dataset("small", Source(x_train, y_train, x_test, y_test, origin="small"))


@pytest.fixture
def studied(tiny_study, tmp_path):
    """End trials of a search in the order given, as their workers do: the model first."""
    journal = Journal(tmp_path / "trials.jsonl")

    def study(keep):
        return tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"keep": keep})})

    def end(keep, *scores, state="finished", attempt=1, first=0):
        listener = SupersededModels(study(keep), journal, tmp_path)
        for number, score in enumerate(scores, first):
            trial = f"search-{number:04}"
            outcome = Outcome(trial, state, score=score, metrics={"val_accuracy": score}, attempt=attempt)
            if state == "finished":
                write(tmp_path, trial, score)
            one = Entry(TrialSpec(trial, Label("search"), 0, {"width": number}), outcome, (), f"run-{number}")
            listener.on_start(one.spec)
            journal.append(one)
            listener.on_end(one)
        return sorted(kept_models(tmp_path))

    end.study, end.journal = study, journal
    return end


def write(folder, trial, score):
    path = model_path(folder, trial)
    path.parent.mkdir(exist_ok=True)
    card = ModelCard("tiny", trial, {"val_accuracy": score}, (ModelEnd("", (2,), "float32"),), ())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD, card.to_text())


def test_only_the_best_model_stays_and_the_first_in_case_of_a_tie(studied):
    assert studied("best", 0.5) == ["search-0000"]
    assert studied("best", 0.4, 0.7, 0.7, first=1) == ["search-0002"]  # resumed by another process
    assert studied("best", 0.9, first=5, state="pruned") == ["search-0002"]
    assert studied("best", 0.8, first=6) == ["search-0006"]


def test_another_attempt_that_is_worse_gives_its_place_back(studied):
    studied("best", 0.5, 0.9)
    assert studied("best", 0.3, first=1, attempt=2) == []  # the model of search-0000 is gone: its trial can be repeated


def test_all_models_stay_if_all_are_asked_for(studied):
    assert studied("all", 0.5, 0.9, 0.1) == ["search-0000", "search-0001", "search-0002"]


def test_the_best_model_is_found_with_its_trial(studied, tmp_path):
    studied("best", 0.5, 0.9)
    entries = studied.journal.entries
    found = best_model(studied.study("best"), entries, tmp_path)
    assert found is not None
    assert (found[0].spec.trial, found[1]) == ("search-0001", model_path(tmp_path, "search-0001"))
    found[1].unlink()
    assert best_model(studied.study("best"), entries, tmp_path) is None


@pytest.mark.parametrize(("keep", "runs"), [("none", []), ("best", ["run-1"]), ("all", ["run-0", "run-1", "run-2"])])
def test_the_tracker_gets_the_models_that_are_kept(studied, tmp_path, keep, runs):
    studied("all", 0.5, 0.9, 0.1)
    write_example(tmp_path, dataset(np.arange(6).reshape(3, 2), np.zeros((1, 2))))
    models = logged_models(studied.study(keep), [*studied.journal.entries.values()], tmp_path)
    assert [model.run_id for model in models] == runs
    assert all(model.example == {"": [[0, 1], [2, 3]]} for model in models)


def test_a_trial_without_a_run_has_no_model_there(studied, tmp_path):
    studied("all", 0.5)
    entries = [replace(one, run_id="") for one in studied.journal.entries.values()]
    assert logged_models(studied.study("all"), entries, tmp_path) == []


def test_examples_that_are_large_or_not_of_a_models_shape_are_left_out(tmp_path):
    assert read_example(tmp_path) == {}
    write_example(tmp_path, dataset(np.zeros((3, 200_000)), np.zeros((1, 200_000))))
    assert read_example(tmp_path) == {}
    write_example(tmp_path, dataset(np.arange(6).reshape(3, 2), np.zeros((1, 2))))
    (tmp_path / "models" / "example.json").write_text(json.dumps({"": [[0, 1], [2, 3]]}))
    card = ModelCard("s", "t", {}, (ModelEnd("", (2,), "float32"),), ())
    assert fitting_example(read_example(tmp_path), card) == {"": [[0, 1], [2, 3]]}
    assert fitting_example(read_example(tmp_path), replace(card, inputs=(ModelEnd("", (3,), "float32"),))) == {}
    assert fitting_example(read_example(tmp_path), replace(card, inputs=(ModelEnd("a", (2,), "float32"),))) == {}
    (tmp_path / "models" / "example.json").write_text("[")
    assert read_example(tmp_path) == {}


@pytest.mark.parametrize(
    ("trained_on", "dtype", "installed", "loaded_on"),
    [
        ("jax", "float32", True, "jax"),
        ("jax", "str", True, "tensorflow"),
        ("jax", "float32", False, ""),
        ("tensorflow", "float32", True, "tensorflow"),
    ],
)
def test_the_best_model_is_loaded_on_the_backend_on_which_it_predicts(
    monkeypatch, tmp_path, trained_on, dtype, installed, loaded_on
):
    path, entered = tmp_path / "a.keras", []
    card = ModelCard("s", "t", {}, (ModelEnd("", (2,), dtype),), (), backend=trained_on)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD, card.to_text())

    @contextmanager
    def keras_on(backend):
        entered.append(backend)
        yield

    monkeypatch.setattr(of_kept, "find_best_model", lambda _: path)
    monkeypatch.setattr(of_kept, "keras_on", keras_on)
    monkeypatch.setattr(of_kept, "trains_here", lambda _: installed)
    monkeypatch.setitem(sys.modules, "ablate.training.keeping", SimpleNamespace(load_model=lambda _: "a model"))
    assert load_best_model(tmp_path) == "a model"
    assert entered == [loaded_on]
