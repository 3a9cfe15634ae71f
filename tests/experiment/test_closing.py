import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from full_disk import at_most
from records import epoch_of_classes

from ablate.data.predictions import TestPredictions, pack
from ablate.errors import StorageError
from ablate.experiment.closing import _is_own_source, study_notes, write_folder
from ablate.storage.facts import Ending, Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry
from ablate.storage.predictions import read_predictions
from ablate.storage.preregistration import declare, freeze
from ablate.storage.provenance import TuningFacts
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Label, LayerState, Outcome, RateTest, TrialSpec
from ablate.study.user_code import code_digest

TEST = RateTest("key", (0.1,), (2.0,), {"valley": 0.1}, 0.1, "determined", "", 1.0)


def entry(trial: str, *, phase="ablation", variant="reference", **changes) -> Entry:
    spec = TrialSpec(trial, Label(phase, variant), 1, {"optimizer": "adam", "learning_rate": "find"})
    outcome = Outcome(trial, "finished", score=0.5, timings={"train": 4.0, "compile": 2.0}, **changes)
    return Entry(spec, outcome, (epoch_of_classes(trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0),), "run")


@pytest.fixture
def facts(tiny_study, digits) -> Facts:
    return Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "mysql://me:secret@host/db", "2026-11-21")


def test_the_folder_gets_tables_tests_and_provenance_without_a_password(facts, tiny_study, tmp_path):
    entries = [entry("search-0000", phase="search", variant="", rate_test=TEST), entry("b", rate_test=TEST)]
    folder = StudyFolder(tmp_path)
    ending = Ending("2026-11-21", tiny_study.baseline, True, False, {"total": 5.0})
    write_folder(folder, entries, facts, ending)
    assert len(folder.results.read_text().splitlines()) == len(folder.epochs.read_text().splitlines()) == 3
    assert [test["label"] for test in json.loads(folder.lr_tests.read_text())] == ["reference"]
    assert "secret" not in folder.provenance.read_text()


def test_the_table_of_layers_is_written_where_some_trial_was_looked_into(facts, tiny_study, tmp_path):
    ending = Ending("2026-11-21", tiny_study.baseline, True, False, {"total": 5.0})
    write_folder(StudyFolder(tmp_path), [entry("a")], facts, ending)
    assert not StudyFolder(tmp_path).layers.exists()
    layer = LayerState("end", 1, "Dense", 0.0, 1.0, None, 16, 1, ((1.0, 1.0),))
    looked_into = entry("b", layers=(layer,))
    again = Entry.from_json(json.loads(json.dumps(looked_into.to_json())), {})
    assert again == looked_into
    write_folder(StudyFolder(tmp_path), [entry("a"), again], facts, ending)
    assert StudyFolder(tmp_path).layers.read_text().splitlines()[1] == "b,end,1,Dense,0.0,1.0,,16,1,1.0 1.0"


def test_predictions_of_the_test_set_are_written_where_some_trial_has_them(facts, tmp_path):
    folder, labels = StudyFolder(tmp_path), facts.data.y_test
    provenance_of(facts, tmp_path, [entry("a")])
    assert not folder.predictions.exists()
    ones = np.ones_like(labels)
    tested = entry("b", test_predictions=pack(TestPredictions("classes", classes=ones), labels))
    again = Entry.from_json(json.loads(json.dumps(tested.to_json())), {})
    damaged = entry("c", test_predictions="a line of the journal that someone edited")
    provenance_of(facts, tmp_path, [entry("a"), again, damaged])
    kept = read_predictions(folder.predictions)
    assert list(kept.classes) == ["b"]
    assert kept.correct("b").tolist() == (labels == 1).tolist()


def test_a_range_test_bears_the_name_that_it_has_in_the_effects(facts, tmp_path):
    def of(design: str, variant: str, seed: int, *, phase="ablation") -> Entry:
        found = entry(f"{design}{variant}{seed}", phase=phase, variant=variant, rate_test=replace(TEST, key=f"k{seed}"))
        return replace(found, spec=replace(found.spec, label=replace(found.spec.label, design=design), seed=seed))

    entries = [of("factorial", "a=1, b=2", 1), of("", "reference", 0, phase="tune"), of("one-factor", "b=2", 1)]
    provenance_of(facts, tmp_path, [*entries, of("one-factor", "b=2", 2), of("factorial", "a=1, b=3", 3)])
    tests = json.loads(StudyFolder(tmp_path).lr_tests.read_text())
    told = [(test["label"], test["seed"]) for test in tests]
    assert told == [("b=2", 1), ("b=2", 2), ("a=1, b=3", 3), ("reference", 0)]


def provenance_of(facts, folder, entries, **of_ending):
    ending = Ending("2026-11-21", facts.study.baseline, True, False, {"total": 5.0}, **of_ending)
    write_folder(StudyFolder(folder), entries, facts, ending)
    return json.loads(StudyFolder(folder).provenance.read_text())


def test_provenance_says_how_the_study_was_designed_and_what_was_frozen(facts, tmp_path):
    ablation = facts.study.ablation.model_copy(
        update={"design": ("one-factor", "factorial"), "factorial": ("optimizer",), "seeds": "auto"}
    )
    space = replace(facts.study.space, conditions={"optimizer": {"normalization": ("batch",)}},
                    inactive_levels={"optimizer": "adam"})  # fmt: skip
    changes = {"ablation": ablation, "space": space, "recipes": {"plain": {"optimizer": "sgd"}}}
    study = facts.study.model_copy(update=changes)
    spec = entry("a").spec
    specs = [replace(spec, label=replace(spec.label, design="one-factor"), test=True)]
    frozen = freeze(tmp_path, declare(specs, study, data="f00", looks=(6, 12)))
    late = entry("a", metrics={"test_loss": 1.0})
    tested = [late, replace(late, spec=replace(late.spec, trial="b", frozen=frozen.digest)), entry("c")]
    told = provenance_of(
        replace(facts, study=study), tmp_path, tested, frozen=frozen, looks=(6, 12), tune=TuningFacts(points=5)
    )
    expected = {
        "designs": ["one-factor", "factorial"],
        "factorial": ["optimizer"],
        "recipes": {"plain": {"optimizer": "sgd"}},
        "sampler": facts.study.search.sampler,
        "model": {"name": facts.study.model.name, "code": ""},
        "conditions": {"optimizer": {"normalization": ["batch"]}},
        "seeds": "auto",
        "max_seeds": 20,
        "looks": [6, 12],
        "tune": {"points": 5},
        "frozen": {
            "digest": frozen.digest,
            "at": frozen.at,
            "contrasts": 0,
            "cells": 1,
            "unfrozen": 1,
            "level": 0.05,
            "earlier": [],
            "scores": 1,
            "read_before": [],
            "undated": 1,
        },
        "reused": {"rows": 0, "from": []},
    }
    assert {name: told[name] for name in expected} == expected


def test_provenance_has_a_digest_of_the_users_own_model(facts, tmp_path):
    (tmp_path / "mine.py").write_text("def build(): ...")
    model = ModelRef.of("mine.py:build", facts.study.model.options)
    study = facts.study.model_copy(update={"model": model, "base": tmp_path})
    told = provenance_of(replace(facts, study=study), tmp_path, [])
    assert told["model"] == {"name": "mine.py:build", "code": code_digest(ModelRef.of("mine.py:build"), base=tmp_path)}
    (tmp_path / "mine.py").unlink()
    assert provenance_of(replace(facts, study=study), tmp_path, [])["model"]["code"] == ""


@pytest.mark.parametrize(
    ("package", "is_source"),
    [("work/ablate/__init__.py", True), ("work/.venv/lib/site-packages/ablate/__init__.py", False),
     ("elsewhere/ablate/__init__.py", False)],
)  # fmt: skip
def test_changes_of_a_checkout_are_the_packages_where_it_runs_from_there(tmp_path, package, is_source):
    assert _is_own_source(tmp_path / package, tmp_path / "work") is is_source


def test_provenance_counts_what_came_from_other_studies(facts, tmp_path):
    entries = [entry("a", same_as="x/a"), entry("b", same_as="a"), entry("c", same_as="y/s/1"),
               entry("d", same_as="x/d"), entry("e")]  # fmt: skip
    told = provenance_of(facts, tmp_path, entries)
    assert told["reused"] == {"rows": 3, "from": ["x", "y"]}
    assert (told["frozen"], told["tune"], told["looks"]) == (None, None, [])


def test_notes_are_of_the_comparisons_each_once():
    search = entry("s", phase="search", variant="", notes=("x",))
    both = [entry("a", variant="activation=selu", notes=("x",)), entry("b", variant="activation=selu", notes=("x",))]
    assert study_notes([search, *both]) == ["activation=selu: x"]
    other = entry("c", variant="reference", notes=("y", "x"))
    assert study_notes([*both, other]) == ["x", "reference: y"]


def test_the_fingerprint_follows_the_arrays_the_split_and_the_seed(facts, tiny_study):
    fingerprint = facts.fingerprint()
    fewer = tiny_study.data.model_copy(update={"train": 600})
    for changed in (tiny_study.model_copy(update={"seed": 1}), tiny_study.model_copy(update={"data": fewer})):
        assert replace(facts, study=changed).fingerprint() != fingerprint
    assert replace(facts, data=replace(facts.data, digest="0" * 64)).fingerprint() != fingerprint


def test_a_full_disk_is_told_with_its_file_and_the_former_tables_stay_whole(facts, tmp_path):
    provenance_of(facts, tmp_path, [entry("a")])
    folder = StudyFolder(tmp_path)
    before = {path: path.read_bytes() for path in (folder.results, folder.epochs, folder.lr_tests, folder.provenance)}
    with (
        at_most(100),
        pytest.raises(StorageError, match=r"results\.csv: cannot be written.* not saved\n  free"),
    ):
        provenance_of(facts, tmp_path, [entry("a"), entry("b")])
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(tmp_path.iterdir())) == 4


def test_overlap_is_recorded_for_folds_and_for_nothing_else(facts, tmp_path):
    assert provenance_of(facts, tmp_path, [entry("a")]).get("overlap") is None
    data = facts.study.data.model_copy(update={"validation": "folds", "folds": 5})
    folds = replace(facts, study=facts.study.model_copy(update={"data": data}))
    assert provenance_of(folds, tmp_path, [entry("a")])["overlap"] == 0.25


@pytest.mark.parametrize(
    "setting",
    [
        {"validation": "folds", "folds": 5}, {"validation": "folds", "folds": 6}, {"validation": 0.2},
        {"weights": "balanced"}, {"target_scaling": "none"},
    ],
)  # fmt: skip
def test_every_new_key_that_decides_a_split_changes_fingerprint_and_key(facts, setting):
    changed = replace(facts, study=facts.study.model_copy(update={"data": facts.study.data.model_copy(update=setting)}))
    assert changed.fingerprint() != facts.fingerprint()
    assert changed.split_settings() != facts.split_settings()


def test_the_fingerprint_of_a_present_study_stays(facts):
    data, seed = facts.study.data, facts.study.seed
    text = f"{facts.data.digest} {data.validation} {data.train} {data.scaling} {seed}"
    assert facts.fingerprint() == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert facts.split_settings() == [facts.data.digest, facts.n_train(), data.validation, data.scaling]


def test_weights_and_the_shapes_of_several_inputs_are_recorded(facts):
    plain = facts.about_data()
    assert (plain.shape, plain.inputs, plain.weights) == ([8, 8, 1], None, None)
    n = len(facts.data.x_train)
    weighted = replace(facts, data=replace(facts.data, weights_train=np.ones(n, np.float32)))
    balanced = facts.study.data.model_copy(update={"weights": "balanced"})
    study = facts.study.model_copy(update={"data": balanced})
    assert weighted.about_data().weights == "examples"
    assert replace(facts, study=study).about_data().weights == "classes"
    assert replace(weighted, study=study).about_data().weights == "both"
    left = {"left": facts.data.x_train, "age": np.zeros((n, 1), np.float32)}
    several = replace(facts, data=replace(facts.data, x_train=left)).about_data()
    assert (several.shape, several.inputs) == (None, {"left": [8, 8, 1], "age": [1]})
