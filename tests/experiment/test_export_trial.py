"""Which model is exported, where to, and what is refused."""

import zipfile
from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.experiment.export import check_exportable, check_target, choose_entry, copy_model
from ablate.storage.journal import Entry
from ablate.storage.provenance import FrontFacts, Provenance
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Label, Outcome, TrialSpec


def entry(trial, *, score=0.5, state="finished", **outcome) -> Entry:
    return Entry(TrialSpec(trial, Label("search"), 0, {}), Outcome(trial, state, score=score, **outcome), (), "")


def by_name(*entries: Entry) -> dict[str, Entry]:
    return {one.spec.trial: one for one in entries}


SEARCH = by_name(entry("s0", score=0.5), entry("s1", score=0.9), entry("s2", state="pruned"), entry("s3", same_as="s0"))


@pytest.mark.parametrize(("trial", "chosen"), [("", "s1"), ("s0", "s0"), ("s3", "s0")])
def test_the_best_is_exported_or_the_trial_that_was_named_or_its_equal(tiny_study, trial, chosen):
    assert choose_entry(tiny_study, SEARCH, trial, folder=Path("none")).spec.trial == chosen


def test_a_result_of_another_study_is_a_trial_of_its_own(tiny_study):
    assert (
        choose_entry(tiny_study, by_name(entry("s0", same_as="other/s7")), "s0", folder=Path("none")).spec.trial == "s0"
    )


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ("s9", "--trial 's9': no such trial\n  similar names: s"),
        ("s2", "--trial s2: is pruned; only a finished trial has a model to export"),
    ],
)
def test_what_has_no_model_is_refused(tiny_study, trial, message):
    with pytest.raises(AblateError, match=message):
        choose_entry(tiny_study, SEARCH, trial, folder=Path("none"))


def test_a_study_without_a_finished_trial_says_so(tiny_study):
    with pytest.raises(AblateError, match="tiny: no trial of the search has finished\n"):
        choose_entry(tiny_study, by_name(entry("s2", state="failed")), "", folder=Path("none"))


@pytest.mark.parametrize(
    ("model", "who", "place"),
    [
        (ModelRef(None, "my.py", "train", role="train"), "my.py:train", "the function's argument folder"),
        (ModelRef(None, role="command", command="sh a.sh"), "the program", "the program's folder, {folder}"),
    ],
)
def test_a_trial_that_a_function_or_program_trained_has_no_model(tiny_study, tmp_path, model, who, place):
    study = replace_model(tiny_study, model)
    said = f"s0: {who} trained it, so ablate has no model to export\n  save the model yourself in {place}"
    with pytest.raises(AblateError) as refused:
        check_exportable(study, SEARCH["s0"], tmp_path)
    assert str(refused.value) == said
    own = tmp_path / "trials" / "s0"
    own.mkdir(parents=True)
    (own / "weights.pt").touch()
    with pytest.raises(AblateError) as refused:
        check_exportable(study, SEARCH["s0"], tmp_path)
    assert str(refused.value) == f"{said}; the files of this trial are in {own}"
    check_exportable(tiny_study, SEARCH["s0"], tmp_path)


def replace_model(study, model):
    return study.model_copy(update={"model": model})


def test_a_file_is_replaced_only_if_asked(tmp_path):
    path = tmp_path / "model.keras"
    check_target(path, force=False)
    path.write_bytes(b"mine")
    with pytest.raises(AblateError, match="exists already\n  give another name, or replace it with --force"):
        check_target(path, force=False)
    check_target(path, force=True)
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(AblateError, match="exists already"):
        check_target(tmp_path / "folder.keras", force=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.h5", r"the name of a model ends in \.keras"), ("no/model.keras", "there is no folder")],
)
def test_a_place_for_no_model_is_refused(tmp_path, name, message):
    with pytest.raises(AblateError, match=message):
        check_target(tmp_path / name, force=False)


def test_a_copy_is_whole_or_none(tmp_path):
    source = tmp_path / "a.keras"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("x", "y")
    copy_model(source, tmp_path / "b.keras")
    assert (tmp_path / "b.keras").read_bytes() == source.read_bytes()
    with pytest.raises(AblateError, match=r"c\.keras: cannot be written"):
        copy_model(tmp_path / "gone.keras", tmp_path / "c.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "b.keras"]


def test_of_several_objectives_the_trial_that_the_rule_chose_is_the_best(tiny_study, tmp_path):
    search = tiny_study.search.model_copy(update={"objectives": ("accuracy", "parameters")})
    study, last = tiny_study.model_copy(update={"search": search}), next(iter(SEARCH))
    facts = Provenance(front=FrontFacts(objectives=["accuracy", "parameters"], chosen=last))
    (tmp_path / "provenance.json").write_text(facts.to_text())
    assert choose_entry(study, SEARCH, "", folder=tmp_path).spec.trial == last
