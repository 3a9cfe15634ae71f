"""Trials trained once more: which ones, on what, how they are compared; and one small study from end to end."""

import json
import os
import random
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from records import epoch_of_classes

from ablate import system
from ablate.cli import main
from ablate.errors import AblateError, DataError
from ablate.experiment.options import Options
from ablate.experiment.run_study import run_study
from ablate.experiment.verify import ROUNDING, VerifyOptions, prepare, read_recorded
from ablate.experiment.verify import conditions as of_verify
from ablate.experiment.verify.comparing import compare, table_changes
from ablate.experiment.verify.conditions import (
    changes,
    check_data,
    code_changes,
    on_recorded_backend,
    places,
    recorded_conditions,
)
from ablate.experiment.verify.retraining import Again
from ablate.experiment.verify.select_trials import change_on_resume, named, sealed, spread, trained
from ablate.storage.conditions import Conditions, of_workers
from ablate.storage.journal import Entry, Journal
from ablate.storage.preregistration import Declaration, Preregistration
from ablate.storage.provenance import Provenance
from ablate.storage.results import results_table, write_table
from ablate.storage.resume import StartingConditions
from ablate.storage.verified import in_words, read_rounds
from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef
from ablate.study.toml import to_toml
from ablate.study.trial import Label, Outcome, TrialSpec, is_metric
from ablate.study.user_code import code_digest


def entry(trial="a", state="finished", *, phase="ablation", variant="reference", seed=1, test=True, **outcome) -> Entry:
    """A trial of two epochs, the second one the best."""
    spec = TrialSpec(
        trial,
        Label(phase, variant, mode="find"),
        seed,
        {"learning_rate": "find"},
        test=test,
        frozen="f" if test else "",
    )
    epochs = tuple(epoch_of_classes(trial, n, 1.0 / n, 0.3 * n, 1.1 / n, 0.25 * n, 0.01, 1.0) for n in (1, 2))
    known = {"score": 0.5, "best_epoch": 2, "epochs": 2, "learning_rate": 0.01}
    scores = {"val_accuracy": 0.5, "val_loss": 0.55, **({"test_accuracy": 0.48, "test_loss": 0.6} if test else {})}
    return Entry(spec, ended(Outcome(trial, state, **known, metrics=scores), **outcome), epochs, "")


def ended(outcome: Outcome, **changes) -> Outcome:
    """An outcome with other fields and metrics; a metric that is None is missing."""
    metrics = {**outcome.metrics, **{name: value for name, value in changes.items() if is_metric(name)}}
    fields = {name: value for name, value in changes.items() if not is_metric(name)}
    return replace(outcome, **fields, metrics={name: value for name, value in metrics.items() if value is not None})


def by_name(*entries: Entry) -> dict[str, Entry]:
    return {one.spec.trial: one for one in entries}


def some_study() -> list[Entry]:
    searched = [entry(f"search-{i:04}", phase="search", variant="", seed=0, test=False) for i in range(12)]
    tuned = [entry(f"tune-{i}", phase="tune", variant="norm=batch", seed=0, test=False) for i in range(4)]
    variants = ("reference", "norm=batch", "optimizer=sgd")
    return [*searched, *tuned, *(entry(f"{v}-s{s}", variant=v, seed=s) for v in variants for s in range(1, 7))]


# Which trials


def test_trials_are_spread_over_phases_and_variants():
    entries = some_study()
    assert [e.spec.label.phase for e in spread(entries, 3)] == ["ablation", "search", "tune"]
    twelve = spread(entries, 12)
    confirmed = [e.spec.label.variant for e in twelve if e.spec.label.phase == "ablation"]
    assert len(confirmed) == 4
    assert set(confirmed[:3]) == {"reference", "norm=batch", "optimizer=sgd"}
    assert len({e.spec.seed for e in spread(entries, 30) if e.spec.label.phase == "ablation"}) > 1


def test_the_choice_is_the_same_each_time_and_more_trials_begin_with_the_fewer():
    entries = some_study()
    whole = spread(entries, 99)
    assert sorted(e.spec.trial for e in whole) == sorted(e.spec.trial for e in entries)
    shuffled = random.Random(0).sample(entries, len(entries))
    for n in range(len(entries)):
        assert spread(shuffled, n) == whole[:n]


def test_no_result_plays_a_part_in_the_choice():
    entries = some_study()
    changed = [replace(e, outcome=replace(e.outcome, score=0.1, state="diverged")) for e in entries]
    assert [e.spec.trial for e in spread(entries, 5)] == [e.spec.trial for e in spread(changed, 5)]


def test_what_was_interrupted_or_took_an_equal_trials_result_is_not_retrained():
    entries = by_name(entry("a"), entry("b", same_as="a"), entry("c", "killed"), entry("d", same_as="other/a"))
    assert [e.spec.trial for e in trained(entries)] == ["a", "d"]


def test_trials_are_found_by_name_each_once():
    entries = by_name(entry("a"), entry("b"))
    assert [e.spec.trial for e in named(entries, ["b", "a", "b"])] == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("search-1", r"no such trial\n  similar names: search-0011, search-0010, search-0001"),
        ("x" * 10_000, "no such trial"),
        ("repeat", r"reuses the result of an identical trial\n  verify that trial: --trial search-0001"),
        ("gone", "was interrupted"),
    ],
)
def test_a_trial_that_cannot_be_retrained_is_answered_with_what_can(name, said):
    entries = by_name(*some_study(), entry("repeat", same_as="search-0001"), entry("gone", "killed"))
    with pytest.raises(AblateError, match=said) as caught:
        named(entries, [name])
    assert len(str(caught.value)) < 600


# How they are compared


def again(one: Entry, *, tolerance=0.0, tested=True, curve=None, **changed):
    return compare(one, ended(one.outcome, **changed), curve or one.epochs, tolerance=tolerance, tested=tested)


def test_all_numbers_equal_is_equal_to_the_bit():
    check = again(entry(), seconds=9.0, timings={"train": 1.0}, attempt=2)
    assert (check.verdict, check.largest) == ("equal", None)
    assert set(check.compared.values()) == {0.0}
    assert {"score", "test_accuracy", "best_epoch", "learning_rate", "train_loss of the epochs"} < check.compared.keys()


def test_the_last_bit_counts_where_all_must_be_equal():
    check = again(entry(), score=0.5000000000000001)
    assert check.verdict == "differs"
    assert in_words(check) == "DIFFERS by 1.1e-16: score 0.5 → 0.5000000000000001"


def test_an_epochs_number_is_named_with_its_epoch():
    one = entry()
    check = again(
        one, curve=(one.epochs[0], replace(one.epochs[1], metrics={**one.epochs[1].metrics, "val_accuracy": 0.52}))
    )
    assert check.compared["val_accuracy of the epochs"] == pytest.approx(0.02)
    assert check.largest.what == "val_accuracy of epoch 2"
    assert check.compared["train_loss of the epochs"] == 0.0


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"score": 0.5005}, "within"),
        ({"score": 0.502}, "differs"),
        ({"test_accuracy": None}, "differs"),
        ({"test_accuracy": float("nan")}, "differs"),
        ({"best_epoch": 1, "epochs": 3, "score": 0.5001}, "within"),  # tipped by rounding; the score says by how much
        ({"learning_rate": 0.010001}, "within"),  # relative, as rates are chosen
        ({"learning_rate": 0.0101}, "differs"),
        ({"state": "diverged"}, "differs"),
    ],
)
def test_within_a_tolerance_scores_losses_and_rates_may_differ(changed, verdict):
    assert again(entry(), tolerance=0.001, **changed).verdict == verdict


def test_losses_above_one_are_compared_relative():
    one = entry(val_loss=500.0)
    assert again(one, tolerance=0.001, val_loss=500.4).verdict == "within"
    assert again(one, tolerance=0.001, val_loss=501.0).verdict == "differs"


def test_an_epoch_too_few_differs_where_all_must_be_equal():
    one = entry()
    check = again(one, curve=one.epochs[:1])
    assert check.verdict == "differs"
    assert in_words(check) == "DIFFERS: epochs of the curve 2 → 1"


def test_test_scores_are_compared_only_where_they_were_read():
    check = again(entry(), tested=False, test_accuracy=None, test_loss=None)
    assert check.verdict == "equal"
    assert "test_accuracy" not in check.compared


def test_what_diverged_must_diverge_again_and_to_the_bit_where_nothing_rounds_otherwise():
    one = entry(state="diverged")
    assert in_words(again(one)) == "equal to the bit, diverged again"
    assert again(one, score=0.4).verdict == "differs"
    assert in_words(again(one, score=0.4, tolerance=0.001)) == "diverged again"


@pytest.mark.parametrize("state", ["failed", "out_of_memory"])
def test_when_a_trial_failed_is_the_machines_business_that_it_fails_is_not(state):
    one = entry(state=state)
    assert in_words(again(one, score=None, curve=one.epochs[:1])) == f"{state.replace('_', ' ')} again"
    assert again(one, state="finished").verdict == "differs"


# Where rounding may differ


def here(**ingredients) -> Conditions:
    conditions = of_workers(None, workers=2, threads=1)
    return replace(conditions, **{"device": "CPU a processor", "threads": 1, "processors": 1, **ingredients})


def said_of(*, stack=1, workers=2, threads=1, cpu="a processor", **ingredients) -> tuple[str, ...]:
    """What is said of a study whose provenance.json has these, and whose begun.json all that was recorded early on."""
    facts = {"workers": workers, "threads": threads, "hardware": {"cpu": cpu, "cores": 2, "gpus": []}}
    begun = {"device": "", "threads": 0, "processors": 0, "flags": None, **ingredients}
    recorded = recorded_conditions(Provenance.from_json(facts), StartingConditions(here(**begun), data="d"))
    return changes(replace(recorded, flags=ingredients.get("flags", {})), here(flags={}), stack=stack)


def test_a_change_of_the_backend_is_named_with_what_chooses_it():
    old, now = here(backend="jax", versions={"jax": "0.10"}), here(backend="tensorflow", versions={"tensorflow": "2"})
    assert changes(old, now, stack=None) == (
        "backend: jax was recorded, but here it is tensorflow; KERAS_BACKEND or training.backend of the study file "
        "chooses it",
    )


def test_trials_are_retrained_on_the_recorded_backend_unless_the_user_names_another(tiny_study, monkeypatch):
    def trained_on(recorded, asked="auto", study=tiny_study, **environ):
        study = study.model_copy(update={"training": study.training.model_copy(update={"backend": asked})})
        return on_recorded_backend(study, here(backend=recorded), environ=environ).training.backend

    assert trained_on("tensorflow") == "tensorflow"
    assert trained_on("jax") == "jax"
    assert trained_on("jax", "tensorflow") == "tensorflow"
    assert trained_on("jax", KERAS_BACKEND="tensorflow") == "auto"
    assert trained_on("", KERAS_BACKEND="") == "auto"
    assert trained_on("jax", study=tiny_study.model_copy(update={"model": ModelRef.of("$ python t.py")})) == "auto"
    monkeypatch.setattr(of_verify, "trains_here", lambda _: False)
    assert trained_on("jax") == "auto"


def test_nothing_is_said_of_a_machine_that_is_as_it_was():
    assert said_of(stack=None) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"threads": 2}, "threads per worker: 2 was recorded, but here it is 1"),
        ({"workers": 3}, "processors per worker: 2 was recorded, but here it is 1"),  # they shared both
        ({"stack": 4}, "trials per program: 4 was recorded, but here it is 1"),
        ({"cpu": "another"}, "device: another was recorded, but here it is a processor"),
        ({"package": "0" * 64}, "ablate's code: 000000000000 was recorded"),
        ({"versions": {}}, "not recorded: tensorflow, jax, jaxlib, keras, numpy"),
        ({"flags": {"XLA_FLAGS": "--a"}}, "XLA_FLAGS: --a was recorded, but here it is unset"),
        ({"flags": None}, "not recorded: flags"),
    ],
)
def test_what_rounds_otherwise_is_named(changed, said):
    assert any(line.startswith(said) for line in said_of(**changed))


def test_what_a_killed_study_could_not_record_is_named():
    (said,) = changes(recorded_conditions(Provenance(), None), here(), stack=None)
    assert said.startswith("not recorded: ablate's code, tensorflow, ")
    assert said.endswith("device, threads per worker, processors per worker")


@pytest.mark.parametrize(
    ("facts", "trials", "asked", "cores", "expected"),
    [
        ({"workers": 2, "threads": 1, "hardware": {"cores": 2}}, 3, None, 2, (2, 1)),
        ({"workers": 2, "threads": 1, "hardware": {"cores": 2}}, 1, None, 2, (1, 1)),  # no worker without a trial
        ({"workers": 1, "threads": 2, "hardware": {"cores": 2}}, 9, None, 2, (1, 2)),
        ({"workers": 1, "threads": 2, "hardware": {"cores": 2}}, 9, None, 8, (4, 2)),
        ({"workers": 4, "threads": 1, "hardware": {"cores": 2}}, 1, None, 2, (4, 1)),  # they shared the processors
        ({"workers": 2, "threads": 1, "hardware": {"cores": 2}}, 9, 5, 2, (5, 1)),
        ({"threads": 0}, 1, None, 4, (1, 1)),  # not recorded: as a study here would have them
        ({}, 9, 2, 4, (2, 2)),
    ],
)
def test_workers_are_as_they_were_as_far_as_there_are_trials(monkeypatch, facts, trials, asked, cores, expected):
    monkeypatch.setattr(system, "usable_cores", lambda: cores)
    monkeypatch.setattr(system, "memory_bytes", lambda: 0)
    monkeypatch.setattr(system, "gpu_names", list)
    assert places(Provenance.from_json(facts), trials, asked=asked) == expected


def test_other_data_are_an_error(tiny_study, digits):
    from ablate.data import split_dataset

    split = split_dataset(digits, tiny_study.data, seed=tiny_study.seed, replicate=1, scaling="unit")
    there = [entry("a", data=split.fingerprint), entry("b", "failed", seed=2)]
    check_data(there, tiny_study, digits)
    with pytest.raises(
        DataError,
        match=r"not the study's data: the split of c .*\n  give the folder of the study's data with --data-dir",
    ):
        check_data([*there, entry("c", seed=3, data=split.fingerprint)], tiny_study, digits)


def test_changed_code_of_a_model_is_an_error_unless_a_tolerance_is_stated(tiny_study, tmp_path):
    (tmp_path / "mine.py").write_text("def build(): ...")
    model = ModelRef.of("mine.py:build", tiny_study.model.options)
    study = tiny_study.model_copy(update={"model": model, "base": tmp_path})
    before = code_digest(ModelRef.of("mine.py:build"), base=tmp_path)
    assert code_changes(before, study, goes_on=False) == ()
    assert code_changes("", study, goes_on=False) == ("not recorded: the code of mine.py:build",)
    (tmp_path / "mine.py").write_text("def build(): return 1")
    with pytest.raises(AblateError, match=r"mine.py:build: the recorded digest is .*\n.*--tolerance"):
        code_changes(before, study, goes_on=False)
    assert "but here it is" in code_changes(before, study, goes_on=True)[0]
    (tmp_path / "mine.py").unlink()
    with pytest.raises(AblateError, match=r"mine\.py cannot be read"):
        code_changes(before, study, goes_on=True)


# What is read


def write_recorded(folder: Path, study, entries, facts=None) -> None:
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(to_toml(study))
    journal = Journal(folder / "trials.jsonl")
    for one in entries:
        journal.append(one)
    if facts is not None:
        (folder / "provenance.json").write_text(json.dumps(facts))


def test_a_folder_is_read_as_it_was_recorded(tiny_study, tmp_path):
    write_recorded(tmp_path / "reports" / "tiny", tiny_study, [entry()], {"threads": 1})
    recorded = read_recorded(tmp_path / "reports" / "tiny", beside=None)
    assert to_toml(recorded.study) == to_toml(tiny_study)
    assert recorded.entries == {"a": entry()}
    assert (recorded.facts, recorded.frozen) == (Provenance(threads=1), None)
    assert recorded.ways == tmp_path / "reports" / ".cache" / "ways"


def test_what_the_results_rest_on_is_known_also_of_a_study_that_was_killed(tiny_study, tmp_path):
    write_recorded(tmp_path / "tiny", tiny_study, [entry()])
    basis = StartingConditions(here(model="m", versions={"keras": "3.0.0"}), "d", notes=("a change",))
    (tmp_path / "tiny" / "begun.json").write_text(basis.to_text())
    recorded = read_recorded(tmp_path / "tiny", beside=None)
    assert (recorded.code, recorded.notes) == ("m", ("a change",))
    assert "keras: 3.0.0 was recorded" in changes(recorded.conditions, here(), stack=1)[0]


def test_a_change_that_was_accepted_on_resume_is_said_after_the_end():
    assert change_on_resume("m.py (or a file it imports) has changed since the finished trials ran") == (
        "m.py (or a file it imports) changed before the study was complete, so its trials ran with different code"
    )
    assert change_on_resume("ablation.looks unset → 3") == "when the study was resumed: ablation.looks unset → 3"


def test_a_users_own_files_are_looked_for_beside_the_study(tiny_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = load_study(tiny_file, overrides=["data.name=mine.npz"], quick=False)
    write_recorded(tmp_path / "reports" / "tiny", study, [entry()])
    assert read_recorded(tmp_path / "reports" / "tiny", beside=Path("here")).study.base == tmp_path / "here"
    with pytest.raises(AblateError, match=r"mine.npz is next to the study file.*\n  give the path"):
        read_recorded(tmp_path / "reports" / "tiny", beside=None)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "tiny.toml").write_text(to_toml(study))
    assert read_recorded(tmp_path / "reports" / "tiny", beside=None).study.base == tmp_path / "studies"


def test_a_table_that_was_changed_is_found(tmp_path):
    entries = by_name(entry("a", score=0.1 + 0.2), entry("b", "failed", score=None), entry("not in it yet"))
    path = tmp_path / "results.csv"
    assert table_changes(path, entries) == ()
    write_table(results_table((e.spec, e.outcome, "") for e in list(entries.values())[:2]), path)
    assert table_changes(path, entries) == ()
    path.write_text(path.read_text().replace("0.30000000000000004", "0.9").replace("failed", "finished"))
    assert table_changes(path, entries) == (
        "a: score 0.9, but recorded was 0.30000000000000004",
        "b: state finished, but recorded was failed",
    )


# How they are trained


def test_a_trial_that_was_pruned_is_stopped_after_as_many_epochs():
    ended = []
    one, other = entry("a", "pruned"), entry("b")
    plan = Again([one, other], lambda *what: ended.append(what))
    assert [spec.trial for spec in (*plan.ask(1), *plan.ask(5), *plan.ask(5))] == ["a", "b"]
    # Its process dies after an epoch: it begins anew.
    assert [plan.report(epoch) for epoch in (one.epochs[0], *one.epochs)] == [True, True, False]
    assert [plan.report(epoch) for epoch in other.epochs] == [True, True]
    plan.tell(one.outcome)
    plan.tell(Outcome("b", "killed"))
    assert ended == [(one, one.outcome, list(one.epochs))]


def test_the_test_set_is_read_only_for_what_was_frozen():
    frozen = Preregistration("f", "2026-11-21", Declaration((), {}))
    assert sealed(entry(), frozen) == entry()
    for one, freeze in ((entry(), None), (entry(), replace(frozen, digest="g")), (entry(test=False), frozen)):
        spec = sealed(one, freeze).spec
        assert (spec.test, spec.frozen, spec.may_test()) == (False, "", False)
    searched = entry(phase="search")
    assert not sealed(searched, frozen).spec.test


def test_the_tolerance_is_nought_only_where_all_is_as_recorded(tiny_study, digits, tmp_path):
    write_recorded(tmp_path / "tiny", tiny_study, [entry(), entry("b", "killed")], {"workers": 1, "threads": 1})
    begun = StartingConditions(of_workers(tiny_study, workers=1, threads=1), "d")
    (tmp_path / "tiny" / "begun.json").write_text(begun.to_text())
    recorded = read_recorded(tmp_path / "tiny", beside=None)
    prepared = prepare(recorded, digits, VerifyOptions())
    assert ([e.spec.trial for e in prepared.entries], prepared.of) == (["a"], 1)
    assert (prepared.workers, prepared.threads, prepared.tolerance, prepared.changes) == (1, 1, 0.0, ())
    for name in ("provenance.json", "begun.json"):
        (tmp_path / "tiny" / name).unlink()
    killed = read_recorded(tmp_path / "tiny", beside=None)
    assert prepare(killed, digits, VerifyOptions()).tolerance == ROUNDING
    assert prepare(killed, digits, VerifyOptions(tolerance=0.0)).tolerance == 0.0
    with pytest.raises(AblateError, match="no trial of this study has ended yet"):
        prepare(replace(recorded, entries={}), digits, VerifyOptions())


# From end to end


def ablate(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run in this process: exit code, what it printed, what it said on the error stream."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ablate", *arguments])
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no trials.jsonl in reports/nowhere\n  available results: tiny"),
        (["nowhere.toml"], "no such file"),
        (["tiny", "--all", "--trial", "a"], "--trial and --all: choose one"),
        (["tiny", "--trial", "b"], "similar names: a"),
        (["tiny", "--tolerance", "-1"], "--tolerance -1.0: must be 0"),
        (["tiny", "--tolerance", "nan"], "--tolerance nan: must be 0"),
        (["tiny", "--trials", "0"], "Invalid value for '--trials'"),
        (["tiny"], "these are not the study's data"),
    ],
)
def test_wrong_usage_is_said_and_trains_nothing(tiny_study, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_recorded(tmp_path / "reports" / "tiny", tiny_study, [entry(data="0" * 64)])
    code, _, err = ablate("verify", *arguments, capsys=capsys)
    assert code == 2
    assert said in err
    assert not (tmp_path / "reports" / "tiny" / "verified.json").exists()


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_study):
    """A finished study in which one variant diverges, and the folder in which it ran."""
    folder = tmp_path_factory.mktemp("verify")
    overrides = ["ablation.seeds=1", "space.learning_rate.span=[0.1, 1e6]", "space.learning_rate.ablate=[0.3, 1e6]"]
    study = load_study(Path(tiny_study.source), overrides=overrides, quick=False)
    options = Options(folder / "reports", f"sqlite:///{folder / 'mlflow.db'}", "ablate study tiny", workers=2)
    return run_study(study, options, lambda _: None), folder


def contents(folder: Path) -> dict[str, bytes]:
    """All that a verification has to leave alone, by path."""
    kept = ("trials.jsonl", "search.db", "results.csv", "frozen.json", "provenance.json", "mlflow.db")
    files = [path for path in folder.rglob("*") if path.name in kept or ".cache" in path.parts]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.mark.slow
def test_every_trial_of_a_study_comes_out_again_to_the_bit_and_nothing_else_is_touched(done, capsys, monkeypatch):
    finished, folder = done
    monkeypatch.chdir(folder)
    before = contents(folder)
    assert len(before) > 6
    code, out, err = ablate("verify", "tiny", "--all", capsys=capsys)
    assert (code, err) == (0, "")
    entries = Journal(finished.folder.journal).entries
    n = len(trained(entries))
    assert out.count("equal to the bit") == n + 1
    n_diverged = sum(one.outcome.state == "diverged" for one in trained(entries))
    assert n_diverged
    assert out.count("equal to the bit, diverged again\n") == n_diverged
    assert f"{n} of {n} trials were retrained on " in out
    assert contents(folder) == before
    page = finished.report.html.read_text()
    assert f"{n} of {n} trials were retrained on " in page
    (one,) = read_rounds(finished.folder.path)
    assert one.changes == one.table == ()
    assert {check.verdict for check in one.checks} == {"equal"}
    tested = [check for check in one.checks if "test_accuracy" in check.compared]
    assert {check.trial for check in tested} == {name for name, e in entries.items() if e.outcome.is_tested} - {
        name for name, e in entries.items() if e.outcome.same_as
    }


@pytest.mark.slow
def test_one_falsified_number_is_found(done, capsys, monkeypatch, tmp_path):
    shutil.copytree(done[1], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    path = Path("reports/tiny/trials.jsonl")
    entries = Journal(path).entries
    name = next(name for name, e in entries.items() if e.spec.may_test() and not e.outcome.same_as)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if "outcome" in line and line["spec"]["trial"] == name:
            line["epochs"][1]["val_accuracy"] += 0.005
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    code, out, _ = ablate("verify", "tiny", "--trial", name, "--json", capsys=capsys)
    assert code == 1
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["opened", "check", "closed"]
    assert events[0]["tolerance"] == 0
    assert events[1]["words"].startswith("DIFFERS by 0.005: val_accuracy of epoch 2 ")
    assert f"1 DIFFERS ({name})" in Path(events[2]["report"]).read_text()


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_keeps_what_was_verified(done, tmp_path, capsys, monkeypatch):
    from ablate.experiment.verify import retraining

    shutil.copytree(done[1] / "reports", tmp_path / "reports")
    monkeypatch.chdir(tmp_path)
    kept, sent = retraining.write_rounds, []

    def interrupted(folder, rounds):
        kept(folder, rounds)
        if not sent:
            sent.append(os.kill(os.getpid(), 2))

    monkeypatch.setattr(retraining, "write_rounds", interrupted)
    code, out, _ = ablate("verify", "tiny", "--all", "--workers", "1", capsys=capsys)
    assert code == 130
    assert "not retrained: stopped before they ended" in out
    one = read_rounds(tmp_path / "reports" / "tiny")[-1]
    assert re.search(rf"{len(one.checks)} of {one.trials} trials (was|were) retrained on ", out)
