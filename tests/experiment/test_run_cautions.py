from dataclasses import replace

import pytest
from records import epoch_of_classes

from ablate.experiment.cautions import run_cautions
from ablate.storage.journal import Entry
from ablate.study.model_ref import ModelRef
from ablate.study.task import TaskMetric
from ablate.study.trial import Label, Outcome, TrialSpec

BASE = {"width": 32, "optimizer": "adam", "learning_rate": 0.01}
USERS, BUILT_IN = ModelRef.of("mine.py:build"), ModelRef.of("mlp")
PROGRAM = ModelRef(None, role="command", command="sh train.sh")
FUNCTION = ModelRef(None, "my.py", "train", role="train")


def runs(variant, losses, *, mode="", against="reference", weights=None, **more) -> list[Entry]:
    """One finished run of two epochs a seed; the losses by seed."""
    factor, equals, level = variant.partition("=")
    levels = {factor: int(level) if level.isdigit() else level} if equals else {}
    factors, where = more.pop("factors", {**BASE, **levels}), "" if variant == "reference" else against
    entries = []
    for seed, loss in losses.items():
        trial = f"{variant}-{mode}-s{seed}"
        label = Label("ablation", variant, factor if equals else "", level, mode, "one-factor", where)
        spec = TrialSpec(trial, label, seed, factors, test=True)
        outcome = Outcome(trial, "finished", score=-loss, initial_weights=(weights or {}).get(seed, ""), **more)
        epochs = tuple(epoch_of_classes(trial, n, loss / n, 0.5, loss / n + 0.1, 0.5, 0.01, 1.0) for n in (1, 2))
        entries.append(Entry(spec, outcome, epochs, "run"))
    return entries


def labelled(entry: Entry, **changes) -> Entry:
    """The same for another purpose."""
    return replace(entry, spec=replace(entry.spec, label=replace(entry.spec.label, **changes)))


def lost(entries, seed, state="diverged"):
    """The same, where one seed was lost after its first epoch."""
    return [
        replace(e, outcome=replace(e.outcome, state=state), epochs=e.epochs[:1]) if e.spec.seed == seed else e
        for e in entries
    ]


ONE, OTHER = {1: 1.0, 2: 1.1, 3: 1.2}, {1: 1.0, 2: 1.1, 3: 1.3}
OWN, SAME = {1: "a1", 2: "a2", 3: "a3"}, dict.fromkeys((1, 2, 3), "b0")


def weights(*cells):
    return run_cautions([entry for cell in cells for entry in cell], model=USERS).get("initial_weights")


def identical(*cells, model=USERS):
    return run_cautions([entry for cell in cells for entry in cell], model=model).get("identical_runs")


def test_seeds_that_share_their_weights_are_named_by_variant():
    reference, wide = runs("reference", ONE, weights=SAME), runs("width=16", OTHER, weights=SAME)
    (said,) = weights(reference, wide)
    assert said.startswith("all 3 seeds of reference and width=16 start from the same weights, so they differ only in")
    (said,) = weights(runs("reference", ONE, weights=OWN), wide)
    assert said.startswith("all 3 seeds of width=16 start from")
    (said,) = weights(runs("reference", ONE, weights={1: "a", 2: "a", 3: "b"}))
    assert said.startswith("2 of 3 seeds of reference start")


def test_seeds_with_weights_of_their_own_pass_and_unknown_ones_were_not_looked_for():
    assert weights(runs("reference", ONE, weights=OWN), runs("width=16", ONE, weights=OWN)) == []
    assert weights(runs("reference", ONE)) is None  # of an older version
    assert weights(runs("reference", {1: 1.0}, weights={1: "a"})) is None
    assert weights() is None


def test_two_modes_of_a_seed_are_no_two_seeds():
    cells = [runs("width=16", ONE, mode=mode, weights=OWN) for mode in ("find", "carry")]
    assert weights(*cells) == []


def test_levels_with_equal_epochs_in_all_seeds_give_identical_runs():
    (said,) = identical(runs("reference", ONE), runs("width=16", ONE))
    assert said == "the levels 32 and 16 of width give identical runs: build does not seem to use it"
    assert identical(runs("reference", ONE), runs("width=16", OTHER)) == []


def test_levels_that_equal_each_other_and_not_the_reference_are_found_too():
    (said,) = identical(
        runs("reference", OTHER), runs("width=16", ONE), runs("width=8", ONE), runs("width=4", {1: 5.0})
    )
    assert said.startswith("the levels 16 and 8 of width give identical runs")


def test_each_mode_is_compared_with_its_own_reference_or_the_shared_one_and_said_once():
    cells = [runs("reference", ONE), runs("width=16", ONE, mode="find"), runs("width=16", ONE, mode="carry")]
    assert len(identical(*cells)) == 1
    assert identical(runs("reference", OTHER, mode="find"), *cells[:2], runs("width=16", OTHER, mode="find")) != []


def test_one_equal_configuration_and_runs_that_were_lost_are_no_identical_runs():
    same = runs("width=16", ONE, factors=BASE)
    assert identical(runs("reference", ONE), same) is None
    reference = runs("reference", ONE)
    assert identical(reference, lost(runs("width=16", ONE), 2)) == []
    assert identical(lost(reference, 2), lost(runs("width=16", ONE), 2)) != []
    gone = [lost([e], e.spec.seed)[0] for e in runs("width=16", ONE)]
    assert identical(reference, gone) is None


def test_a_run_that_took_anothers_result_has_its_epochs():
    """As in mode "carry", where a rate that was found is also the one typed in: its curve lies with the first."""
    first = runs("width=16", ONE, mode="find")
    taken = [
        replace(e, epochs=(), outcome=replace(e.outcome, same_as=f"width=16-find-s{e.spec.seed}"))
        for e in runs("width=16", ONE, mode="carry")
    ]
    assert identical(runs("reference", OTHER), first, taken) == []
    assert identical(runs("reference", ONE, mode="carry"), first, taken) != []


@pytest.mark.parametrize(
    ("variant", "model", "notes", "why"),
    [
        ("width=16", USERS, (), "build does not seem to use it"),
        ("clip_norm=5", USERS, (), "here it changes nothing"),
        ("width=16", PROGRAM, (), "the program does not seem to use it"),
        ("momentum=0.5", FUNCTION, (), "my.py:train does not seem to use it"),
        ("width=16", BUILT_IN, (), "here it changes nothing"),
        ("momentum=0.5", BUILT_IN, ("adam has no momentum, so that factor changes nothing here", "else"),
         "adam has no momentum, so that factor changes nothing here"),
    ],
)  # fmt: skip
def test_the_reason_is_said_where_it_is_known(variant, model, notes, why):
    factor = variant.partition("=")[0]
    reference = runs("reference", ONE, factors={**BASE, factor: 0})
    changed = runs(variant, ONE, notes=notes, factors={**BASE, factor: 1})
    (said,) = identical(reference, changed, model=model)
    assert said == f"the levels 0 and 1 of {factor} give identical runs: {why}"


def test_recipes_are_told_by_their_names_and_other_phases_and_designs_are_left_alone():
    (said,) = identical(runs("reference", ONE), runs("recipe=wide", ONE, factors={**BASE, "width": 64}))
    assert said == "reference and wide give identical runs: build does not seem to use them"
    others = [labelled(e, design="factorial") for e in [*runs("reference", ONE), *runs("width=16", ONE)]]
    assert identical(others) is None
    assert run_cautions([labelled(e, phase="search") for e in runs("reference", ONE)], model=USERS) == {}


@pytest.mark.parametrize(("test", "is_said"), [(0.11, True), (0.80, True), (0.82, False), (0.97, False)])
def test_a_test_accuracy_far_below_validation_is_said(test, is_said):
    cells = runs("reference", ONE, metrics={"val_accuracy": 0.96, "test_accuracy": test})
    found = run_cautions(cells, model=USERS)["test_gap"]
    assert bool(found) == is_said
    if test == 0.11:
        assert found[0].startswith(
            "Test accuracy is 11 % and validation accuracy 96 % on average: check that the labels"
        )


def test_without_test_scores_nothing_is_said_of_a_gap():
    assert "test_gap" not in run_cautions(runs("reference", ONE, metrics={"val_accuracy": 0.96}), model=USERS)


def judged(name, goal, unit, pairs):
    metric = TaskMetric(name, goal, unit)
    cells = [
        replace(entry, outcome=replace(entry.outcome, metrics={f"val_{name}": val, f"test_{name}": test}))
        for entry, (val, test) in zip(runs("reference", ONE), pairs, strict=True)
    ]
    return run_cautions(cells, model=USERS, judged=metric)["test_gap"]


def test_a_test_error_far_above_validation_is_said_in_its_unit_and_direction():
    (said,) = judged("mae", "minimize", "mg/dl", [(50, 90), (52, 91), (51, 89)])
    assert said.startswith("Test MAE is 90 mg/dl and validation MAE 51 mg/dl on average: check that the labels")
    assert judged("mae", "minimize", "mg/dl", [(90, 50), (91, 52), (89, 51)]) == []  # better on the test set
    assert judged("mae", "minimize", "mg/dl", [(50, 55), (52, 57), (51, 56)]) == []  # by a tenth
    assert judged("mae", "minimize", "mg/dl", [(30, 50), (52, 91), (71, 89)]) == []  # seeds differ as much


def test_a_fraction_that_is_better_the_higher_it_is_must_fall_by_as_much_as_an_accuracy():
    assert judged("pr_auc", "maximize", "", [(0.8, 0.6), (0.8, 0.62), (0.8, 0.6)])
    assert judged("pr_auc", "maximize", "", [(0.8, 0.7), (0.8, 0.72), (0.8, 0.7)]) == []


def test_identical_runs_on_other_data_are_no_fault_of_build():
    entries = [*runs("reference", {1: 0.5, 2: 0.4}), *runs("width=16", {1: 0.5, 2: 0.4})]
    (said,) = run_cautions(entries, model=USERS, of_data={"width"})["identical_runs"]
    assert said == "the levels 32 and 16 of width give identical runs: here it changes nothing"
