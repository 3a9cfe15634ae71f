"""Weights from another task: a function of study, configuration and replicate, taken over, frozen, then trained on."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from in_process import run_trial

from ablate.clock import Clock
from ablate.data import select_task
from ablate.errors import DataError
from ablate.study.settings import Transfer
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.pretraining import find_origin, source_study
from ablate.training.run_range_test import RateFinder
from ablate.training.slots import Slots
from ablate.training.train import begin
from ablate.training.trial_error import TrialError

TRANSFER = Transfer(
    classes=(0, 1, 2, 3), validation=100, epochs=2, patience=0, learning_rate=0.003, frozen_epochs=2, unfrozen_rate=0.5
)
EPOCHS = 4


@pytest.fixture(scope="module")
def study(tiny_study):
    data = tiny_study.data.model_copy(update={"classes": (5, 6), "train": 64, "validation": 100})
    training = tiny_study.training.model_copy(update={"epochs": EPOCHS})
    baseline = {**tiny_study.baseline, "transfer": "none", "learning_rate": 0.003}
    changes = {"data": data, "training": training, "baseline": baseline, "transfer": TRANSFER}
    return tiny_study.model_copy(update=changes)


@pytest.fixture(scope="module")
def data(digits):
    return select_task(digits, (5, 6), before=TRANSFER.classes)


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def origin(study, data, heard):
    return find_origin(study, data, cache=None, on_epoch=lambda: heard.append("epoch"))


@pytest.fixture(scope="module")
def context(study, data, origin):
    return TrainingContext(study, data, origin=origin)


def factors_of(study, level: str, **changes):
    return {**study.baseline, "transfer": level, **changes}


def a_spec(study, level: str, **changes) -> TrialSpec:
    return TrialSpec("t", Label("ablation"), 1, factors_of(study, level, **changes))


def arrays(taken) -> list[np.ndarray]:
    return [*taken.weights, *taken.frozen]


def begun(study, context, level: str):
    return begin(a_spec(study, level), context, RateFinder(context, cache=None), Clock())


def test_all_layers_but_the_last_one_begin_with_the_weights_of_the_other_task(study, context, origin):
    scratch, taken = (begun(study, context, level).start.state[0] for level in ("none", "unfrozen"))
    theirs = origin.taken(study.baseline, 1, Clock()).weights
    for place in range(4):
        np.testing.assert_array_equal(taken[place], theirs[place])
        assert not np.array_equal(taken[place], scratch[place])
    for place in (4, 5):  # a new head, as the trial from scratch has it
        np.testing.assert_array_equal(taken[place], scratch[place])
    assert [array.shape for array in theirs[4:]] == [(16, 4), (4,)]


def test_the_head_trains_alone_for_the_frozen_epochs_then_all_layers_do_at_the_lower_rate(study, context):
    slots = Slots(context, size=1)
    slots.put(begun(study, context, "frozen_then_unfrozen"), 0)
    states, rates = [slots.trials[0].start.state], []
    for _ in range(EPOCHS):
        rates.append(slots.run_epoch()[0].learning_rate)
        states.append(slots._state)
    assert slots.trials[0].is_over()
    assert rates == pytest.approx([0.003, 0.003, 0.0015, 0.0015])
    moved = [
        [not np.array_equal(old, new) for old, new in zip(before[0], after[0], strict=True)]
        for before, after in pairwise(states)
    ]
    assert moved == [[False] * 4 + [True] * 2] * 2 + [[True] * 6] * 2


def test_a_trial_says_what_it_began_with_and_counts_the_time(study, context):
    outcome = run_trial(a_spec(study, "unfrozen"), context, RateFinder(context, cache=None))
    assert outcome.state == "finished"
    assert outcome.notes == ("all layers except the last were pretrained on classes 0, 1, 2, 3",)
    assert outcome.timings["pretrain"] > 0
    assert outcome.parts == 1
    plain = run_trial(a_spec(study, "none"), context, RateFinder(context, cache=None))
    assert (plain.notes, "pretrain" in plain.timings) == ((), False)


@pytest.mark.slow
def test_what_else_a_process_has_trained_changes_nothing(study, context, data):
    finder = RateFinder(context, cache=None)
    for level in ("none", "frozen_then_unfrozen"):
        run_trial(replace(a_spec(study, level), seed=2), context, finder)
    fresh = TrainingContext(study, data, origin=find_origin(study, data, cache=None))
    spec = a_spec(study, "unfrozen")
    one, two = (run_trial(spec, some, RateFinder(some, cache=None)) for some in (context, fresh))
    assert (one.metrics["val_loss"], one.score, one.best_epoch) == (two.metrics["val_loss"], two.score, two.best_epoch)


def test_each_epoch_of_the_training_before_is_told_as_a_sign_of_life(study, origin, heard):
    heard.clear()
    for _ in range(2):  # the second time they are there
        origin.taken(study.baseline, 5, Clock())
    assert len(heard) == TRANSFER.epochs


def test_the_key_covers_what_the_weights_depend_on(study, origin):
    key = origin.key(study.baseline, replicate=1)
    for same in ({"transfer": "unfrozen"}, {"learning_rate": "find"}, {"budget": 0.5}):
        assert origin.key({**study.baseline, **same}, replicate=1) == key
    for other in ({"optimizer": "sgd"}, {"dropout": 0.1}, {"initializer": "lecun_normal"}):
        assert origin.key({**study.baseline, **other}, replicate=1) != key
    assert origin.key(study.baseline, replicate=2) != key


@pytest.mark.parametrize("change", [{"epochs": 3}, {"train": 200}, {"learning_rate": 0.01}, {"patience": 1}])
def test_the_key_covers_what_the_table_says(study, data, origin, change):
    changed = study.model_copy(update={"transfer": TRANSFER.model_copy(update=change)})
    other = find_origin(changed, data, cache=None)
    assert other.key(study.baseline, replicate=1) != origin.key(study.baseline, replicate=1)


SPOILS = [
    lambda content: content[: len(content) // 2],
    lambda content: content.replace(b"weights0", b"weights9"),
    lambda content: content[:700] + bytes([content[700] ^ 1]) + content[701:],
    lambda _: b"\x80\x04N.",
    lambda _: b"",
]


def test_the_weights_outlive_the_process_and_a_damaged_file_counts_as_not_there(
    study, data, origin, tmp_path, monkeypatch
):
    made = origin.taken(study.baseline, 1, Clock())
    first = find_origin(study, data, cache=tmp_path)
    monkeypatch.setattr(type(first), "_train", lambda *_: made)
    first.taken(study.baseline, 1, Clock())
    (path,) = (tmp_path / "pretrained").iterdir()
    assert path.name == f"{first.key(study.baseline, replicate=1)}.npz"
    again = find_origin(study, data, cache=tmp_path)
    monkeypatch.setattr(type(again), "_train", lambda *_: pytest.fail("trained again"))
    for mine, kept in zip(arrays(made), arrays(again.taken(study.baseline, 1, Clock())), strict=True):
        np.testing.assert_array_equal(mine, kept)
        assert mine.dtype == kept.dtype
    whole = path.read_bytes()
    monkeypatch.setattr(type(again), "_train", lambda *_: replace(made, parts=7))
    for spoil in SPOILS:
        assert spoil(whole) != whole
        path.write_bytes(spoil(whole))
        assert find_origin(study, data, cache=tmp_path).taken(study.baseline, 1, Clock()).parts == 7
    path.rename(path.with_name(f"{first.key(study.baseline, replicate=2)}.npz"))
    assert find_origin(study, data, cache=tmp_path).taken(study.baseline, 2, Clock()).parts == 7  # another's weights


def test_a_range_test_starts_from_what_the_trial_takes_over_and_trains_all_of_it(study, context):
    finder = RateFinder(context, cache=None)
    tests = {
        level: finder.find(factors_of(study, level), Clock(), replicate=1)
        for level in ("none", "unfrozen", "frozen_then_unfrozen")
    }
    assert tests["unfrozen"].losses[0] != tests["none"].losses[0]  # nothing has moved yet: the layers are others
    assert tests["frozen_then_unfrozen"] is tests["unfrozen"]  # the rate is to do for all layers once they thaw


@pytest.mark.slow
def test_pretraining_that_diverges_fails_the_trial_and_says_so(study, data):
    wild = study.model_copy(update={"transfer": TRANSFER.model_copy(update={"learning_rate": 1e6})})
    context = TrainingContext(wild, data, origin=find_origin(wild, data, cache=None))
    outcome = run_trial(a_spec(wild, "unfrozen", optimizer="sgd"), context, RateFinder(context, cache=None))
    assert outcome.state == "failed"
    assert "in pretraining: the training loss" in outcome.reason


def test_too_few_examples_of_the_other_task_are_told_before_the_first_trial(study, data):
    greedy = study.model_copy(update={"transfer": TRANSFER.model_copy(update={"validation": 5000})})
    with pytest.raises(DataError) as caught:
        TrainingContext(greedy, data, origin=find_origin(greedy, data, cache=None)).check()
    assert str(caught.value).startswith(
        "transfer: digits: needs at least 4 training examples (one per class) and 5,000 for"
    )
    assert str(caught.value).endswith("lower transfer.validation, to about 57")


def test_without_a_task_before_there_is_no_origin(tiny_study, digits, study):
    assert find_origin(tiny_study, digits, cache=None) is None
    source = source_study(study, TRANSFER)
    assert (source.data.classes, source.data.validation, source.training.epochs) == ((0, 1, 2, 3), 100, 2)
    assert (source.transfer, "transfer" in source.baseline, source.baseline["learning_rate"]) == (None, False, 0.003)


@pytest.mark.slow
def test_memory_that_runs_short_in_pretraining_cuts_its_batches_there_and_the_trial_says_so(study, data, monkeypatch):
    origin = find_origin(study, data, cache=None)
    train, calls = type(origin)._train, []

    def short(self, source, replicate):
        calls.append(self._context.pieces(source).parts)
        if len(calls) < 2:
            raise TrialError("out_of_memory", "too much", "")
        return train(self, source, replicate)

    monkeypatch.setattr(type(origin), "_train", short)
    taken = origin.taken(study.baseline, 1, Clock())
    assert (calls[0], taken.parts) == (1, calls[-1])
