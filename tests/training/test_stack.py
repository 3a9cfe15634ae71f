"""Stacks of trials on real training: each trial's numbers are those it has alone, whoever its neighbours are."""

import json
import pickle
import signal
from dataclasses import replace

import numpy as np
import pytest
from backends import NO_ROOM, ON_JAX, short_of_memory
from in_process import run_trial

from ablate.data.predictions import unpack
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Label, TrialSpec
from ablate.training import stack
from ablate.training.engine.batches import MicroBatches
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.program import Program
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials


def spec(study, seed, **factors) -> TrialSpec:
    factors = {**study.baseline, "learning_rate": 0.003, **factors}
    return TrialSpec(f"s{seed}", Label("ablation", "reference"), seed, factors, test=True, frozen="f00")


class Fed:
    """A feed that keeps what passes; `verdict` answers each epoch."""

    def __init__(self, specs=(), verdict=lambda _: True):
        self.waiting, self.verdict = list(specs), verdict
        self.epochs, self.outcomes, self.together = {}, {}, []

    def more(self, n):
        taken, self.waiting = self.waiting[:n], self.waiting[n:]
        return taken

    def report(self, epochs):
        self.together.append([epoch.trial for epoch in epochs])
        for epoch in epochs:
            kept = self.epochs.setdefault(epoch.trial, [])
            del kept[epoch.epoch - 1 :]
            kept.append(epoch)
        return [self.verdict(epoch) for epoch in epochs]

    def tell(self, outcome):
        assert outcome.trial not in self.outcomes
        self.outcomes[outcome.trial] = outcome


@pytest.fixture(scope="module")
def specs(tiny_study):
    """Five seeds; one has a rate of its own, one diverges."""
    rates = (0.003, 0.01, 1e6, 0.003, 0.003)
    return [spec(tiny_study, seed, learning_rate=rate, optimizer="sgd") for seed, rate in enumerate(rates, 1)]


@pytest.fixture(scope="module")
def stacked(tiny_study, digits):
    """A bench that stacks up to four."""
    return TrainingContext(tiny_study, digits, stack=4)


@pytest.fixture(scope="module")
def alone(specs, context):
    finder, fed = RateFinder(context, cache=None), Fed()
    outcomes = {s.trial: run_trial(s, context, finder, lambda epoch: fed.report([epoch])[0]) for s in specs}
    return outcomes, fed.epochs


def assert_equal(fed, alone, *, rel=1e-4):
    """How far stacking may move a trial: measured 2e-6 relative over three epochs; a rank near a tie may flip."""
    outcomes, epochs = alone
    assert set(fed.outcomes) == set(outcomes)
    for name, outcome in fed.outcomes.items():
        expected = outcomes[name]
        assert (outcome.state, outcome.best_epoch, outcome.epochs) == (
            expected.state,
            expected.best_epoch,
            expected.epochs,
        )
        assert outcome.metrics.get("test_accuracy") == expected.metrics.get("test_accuracy")
        assert outcome.test_predictions == expected.test_predictions
        assert outcome.data == expected.data
        for mine, theirs in zip(fed.epochs.get(name, []), epochs.get(name, []), strict=True):
            assert mine.metrics["train_loss"] == pytest.approx(theirs.metrics["train_loss"], rel=rel)
            assert mine.metrics["val_loss"] == pytest.approx(theirs.metrics["val_loss"], rel=rel)
            assert (mine.epoch, mine.metrics["val_accuracy"]) == (theirs.epoch, theirs.metrics["val_accuracy"])


@pytest.mark.parametrize("first", [1, 3, 5])
def test_results_depend_neither_on_the_stack_nor_on_who_refills_it(first, specs, stacked, alone):
    """The diverged trial's slot is refilled while the others go on; the fifth trial is given at once or later."""
    fed = Fed(specs[first:])
    run_trials(specs[:first], stacked, RateFinder(stacked, cache=None), fed)
    assert_equal(fed, alone)
    assert max(map(len, fed.together)) >= 3
    assert fed.waiting == []


def test_the_order_of_trials_does_not_matter(specs, stacked, alone):
    fed = Fed()
    run_trials(specs[::-1], stacked, RateFinder(stacked, cache=None), fed)
    assert_equal(fed, alone)


def test_a_verdict_stops_one_trial_and_the_next_takes_its_slot(specs, stacked, alone):
    fed = Fed(specs[4:], verdict=lambda epoch: (epoch.trial, epoch.epoch) != ("s1", 1))
    run_trials(specs[:4], stacked, RateFinder(stacked, cache=None), fed)
    assert (fed.outcomes["s1"].state, fed.outcomes["s1"].epochs) == ("pruned", 1)
    assert (fed.outcomes["s1"].is_tested, fed.outcomes["s1"].test_predictions) == (False, "")
    outcomes, epochs = alone
    del fed.outcomes["s1"], fed.epochs["s1"]
    assert_equal(fed, ({k: o for k, o in outcomes.items() if k != "s1"}, epochs))
    assert "s5" in fed.together[1]


def test_early_stopping_is_each_slots_own(tiny_study, digits):
    impatient = tiny_study.model_copy(update={"training": tiny_study.training.model_copy(update={"patience": 1})})
    rates = (0.003, 0.3, 1e-9)
    different = [spec(tiny_study, seed, learning_rate=rate, optimizer="sgd") for seed, rate in enumerate(rates, 1)]
    several, single = TrainingContext(impatient, digits, stack=4), TrainingContext(impatient, digits, stack=1)
    together, apart = Fed(), Fed()
    run_trials(different, several, RateFinder(several, cache=None), together)
    run_trials(different, single, RateFinder(single, cache=None), apart)
    assert_equal(together, (apart.outcomes, apart.epochs))
    assert len({outcome.epochs for outcome in apart.outcomes.values()}) > 1


def test_range_tests_on_a_stack_give_the_curves_they_give_alone(tiny_study, context, stacked):
    from ablate.clock import Clock

    one = RateFinder(context, cache=None).find(tiny_study.baseline, Clock(), replicate=0)
    four = RateFinder(stacked, cache=None).find(tiny_study.baseline, Clock(), replicate=0, size=4)
    n = len(one.losses) // 2  # at higher rates rounding grows from batch to batch
    assert four.losses[:n] == pytest.approx(one.losses[:n], rel=1e-4)
    assert four.suggestion == pytest.approx(one.suggestion, rel=0.2)  # a neighbouring rate at most


def test_a_trial_that_cannot_begin_costs_no_other(specs, stacked):
    wrong = replace(specs[0], trial="wrong", factors={**specs[0].factors, "learning_rate": "fast"})
    fed = Fed()
    run_trials([wrong, specs[1]], stacked, RateFinder(stacked, cache=None), fed)
    assert fed.outcomes["wrong"].state == "failed"
    assert fed.outcomes["s2"].state == "finished"


def test_a_stack_without_memory_starts_over_in_smaller_ones(specs, stacked, alone, monkeypatch):
    train, sizes = Program.train, []

    def cramped(program, *arguments, **options):
        sizes.append(program.size)
        if program.size == 4 and options["n_steps"].any():
            raise short_of_memory()
        return train(program, *arguments, **options)

    monkeypatch.setattr(Program, "train", cramped)
    fed = Fed()
    run_trials(specs[:4], stacked, RateFinder(stacked, cache=None), fed)
    outcomes, epochs = alone
    assert_equal(fed, ({s.trial: outcomes[s.trial] for s in specs[:4]}, epochs))
    assert 4 in sizes
    assert 2 in sizes


def test_a_lone_trial_without_memory_says_what_was_tried(specs, tiny_study, digits, monkeypatch):
    def cramped(*_, **__):
        raise short_of_memory()

    context, pieces, build = TrainingContext(tiny_study, digits), [], Program.__init__

    def counted(program, *arguments, **options):
        pieces.append(options["pieces"])
        build(program, *arguments, **options)

    monkeypatch.setattr(Program, "train", cramped)
    monkeypatch.setattr(Program, "__init__", counted)
    outcome = run_trial(specs[0], context, RateFinder(context, cache=None))
    assert (outcome.state, outcome.parts, outcome.attempt) == ("out_of_memory", 8, 1)
    assert outcome.reason == f"out of memory even with 8 micro-batches per batch: {NO_ROOM}"
    assert "Traceback" in outcome.traceback
    assert pieces == [MicroBatches(), MicroBatches(1, 32), MicroBatches(2, 16), MicroBatches(4, 8), MicroBatches(8, 4)]
    again = run_trial(specs[1], context, RateFinder(context, cache=None))
    assert (again.state, again.reason) == (outcome.state, outcome.reason)
    assert len(pieces) == 6  # what is known to be too large is not tried again
    patient = tiny_study.model_copy(update={"retries": tiny_study.retries.model_copy(update={"out_of_memory": 0})})
    once = TrainingContext(patient, digits)
    at_once = run_trial(specs[0], once, RateFinder(once, cache=None))
    assert (at_once.state, at_once.reason) == ("out_of_memory", NO_ROOM)
    assert len(pieces) == 7


def test_a_lone_waiting_trial_gets_a_program_of_one(specs, stacked):
    fed = Fed()
    run_trials(specs[:1], stacked, RateFinder(stacked, cache=None), fed)
    assert fed.together == [["s1"]] * 3
    assert stack.Stack(stacked, None, fed, size=1)._size == 1


def test_the_seconds_of_a_stack_are_shared_among_its_trials(specs, stacked):
    import time

    fed, began = Fed(), time.perf_counter()
    run_trials([specs[0], specs[3]], stacked, RateFinder(stacked, cache=None), fed)
    wall = time.perf_counter() - began
    assert sum(outcome.seconds for outcome in fed.outcomes.values()) <= wall
    for outcome in fed.outcomes.values():
        assert sum(outcome.timings.values()) <= outcome.seconds * 1.001


# A network with a layer that takes a petabyte where it is given more than `room` examples at once, as many as one that
# is too large for a device would have; its name says that on a processor it is no work for XLA.
TAKING = {
    "tensorflow": """
import tensorflow as tf


def taking(inputs, room):
    over = tf.maximum(tf.shape(inputs)[0] - room, 0)
    over += tf.cast(tf.reduce_min(inputs) > 1e30, tf.int32)  # never; so that it is known only as it runs
    taken = tf.zeros([tf.minimum(over, 1), 2**20, 2**20, 2**8])
    return inputs + tf.reduce_sum(taken)
""",
    "jax": """
from jax import lax
from jax import numpy as jnp


def taking(inputs, room):
    if inputs.shape[0] <= room:
        return inputs
    least = lax.stop_gradient(jnp.min(inputs))
    n = 1000 * (least < 1e30).astype("int32")  # always; so that it is known only as it runs
    taken = lax.fori_loop(0, n, lambda i, t: t.at[i, 0, 0].set(least), jnp.zeros((2**20, 2**20, 2**8)))
    return inputs + 0 * taken[n // 2, 0, 0]
""",
}
HUNGRY = """
import keras


class HungryConv(keras.layers.Layer):
    def __init__(self, room, **kwargs):
        super().__init__(**kwargs)
        self.room = room

    def call(self, inputs):
        return taking(inputs, self.room)

    def compute_output_shape(self, shape):
        return shape


def build(factors, input_shape, n_classes, *, room):
    layers = [keras.Input(input_shape), keras.layers.Flatten(), HungryConv(room), keras.layers.Dense(8, "relu")]
    if factors["normalization"] == "batch":
        layers.append(keras.layers.BatchNormalization())
    return keras.Sequential([*layers, keras.layers.Dense(n_classes)])
"""


@pytest.fixture(scope="module")
def hungry(tiny_study, digits, tmp_path_factory):
    """Benches with room for so many examples at once; 10,000 is enough for all."""
    folder = tmp_path_factory.mktemp("hungry")
    (folder / "hungry.py").write_text(TAKING["jax" if ON_JAX else "tensorflow"] + HUNGRY)

    def context(room, **retries):
        model = ModelRef.of("hungry.py:build", {"room": room})
        changes = {"model": model, "base": folder, "retries": tiny_study.retries.model_copy(update=retries)}
        return TrainingContext(tiny_study.model_copy(update=changes), digits)

    return context


def trained(context, one, *, cache=None):
    """The outcome, and its epochs."""
    fed = Fed()
    run_trials([one], context, RateFinder(context, cache=cache), fed)
    return fed.outcomes[one.trial], fed.epochs.get(one.trial, [])


def curve(epochs):
    return [number for epoch in epochs for number in (epoch.metrics["train_loss"], epoch.metrics["val_loss"])]


@pytest.mark.slow
def test_what_is_too_large_for_the_memory_trains_in_parts_to_the_same_numbers(hungry, tiny_study):
    one = spec(tiny_study, 1)
    whole, whole_epochs = trained(hungry(10_000), one)
    cut, cut_epochs = trained(hungry(16), one)
    assert (whole.state, whole.parts, whole.notes) == ("finished", 1, ())
    assert (cut.state, cut.parts, cut.notes) == (
        "finished",
        2,
        ("low memory: gradient accumulation over 2 micro-batches",),
    )
    assert curve(cut_epochs) == pytest.approx(curve(whole_epochs), rel=1e-4)
    assert (cut.best_epoch, cut.epochs, cut.metrics["test_accuracy"]) == (
        whole.best_epoch,
        whole.epochs,
        whole.metrics["test_accuracy"],
    )
    labels = np.zeros(359, np.int32)
    predicted = [unpack(ended.test_predictions, labels) for ended in (cut, whole)]
    assert np.array_equal(predicted[0].classes, predicted[1].classes)
    assert cut.seconds >= sum(cut.timings.values())


@pytest.mark.slow
def test_evaluation_that_is_too_large_alone_changes_no_weight(hungry, tiny_study):
    one = spec(tiny_study, 1)
    _, whole_epochs = trained(hungry(10_000), one)
    cut, cut_epochs = trained(hungry(40), one)
    assert (cut.state, cut.parts) == ("finished", 1)
    assert cut.notes == ("low memory: evaluated 32 examples at a time, trained on whole batches",)
    assert [epoch.metrics["train_loss"] for epoch in cut_epochs] == [
        epoch.metrics["train_loss"] for epoch in whole_epochs
    ]
    assert curve(cut_epochs) == pytest.approx(curve(whole_epochs), rel=1e-6)


@pytest.mark.slow
def test_a_range_test_in_parts_is_kept_apart_from_whole_ones(hungry, tiny_study, tmp_path):
    one = spec(tiny_study, 1, learning_rate="find", normalization="batch")
    whole, _ = trained(hungry(10_000), one, cache=tmp_path)
    context = hungry(8)
    cut, _ = trained(context, one, cache=tmp_path)
    assert (cut.state, cut.parts, whole.parts) == ("finished", 4, 1)
    assert (
        cut.notes[0]
        == "low memory: gradient accumulation over 4 micro-batches; batch normalization saw 8 examples at a time"
    )
    # Its first step has seen no update: of a batch in parts, a penalty or the noise of other statistics aside, equal.
    assert cut.rate_test.losses[0] == pytest.approx(whole.rate_test.losses[0], rel=0.5)
    assert cut.rate_test.key.endswith("-4-parts")
    assert {path.stem for path in tmp_path.iterdir()} == {whole.rate_test.key, cut.rate_test.key}
    carried = replace(one, trial="carried", factors={**one.factors, "normalization": "none"}, rate_factors=one.factors)
    other, _ = trained(context, carried, cache=tmp_path)
    assert (other.state, other.parts, other.rate_test) == ("finished", 4, cut.rate_test)


@pytest.mark.slow
def test_a_range_test_that_fits_in_no_way_ends_its_trial_and_cuts_no_other_structure(hungry, tiny_study):
    context = hungry(3, out_of_memory=2)
    one = spec(tiny_study, 1, learning_rate="find", normalization="batch")
    carried = replace(one, factors={**one.factors, "normalization": "none"}, rate_factors=one.factors)
    outcome, _ = trained(context, carried)
    assert outcome.state == "out_of_memory"
    error = type(short_of_memory()).__name__
    assert outcome.reason.startswith(f"out of memory even with 4 micro-batches per batch: {error}: ")
    assert outcome.parts == context.pieces(carried.factors).parts == 1
    assert context.pieces(one.factors).parts == 4


# A model that misbehaves as its factor says, each time in another way.
WAYWARD = """
import sys

import keras

NAN = keras.initializers.Constant(float("nan"))


class Unspeakable(Exception):
    def __str__(self):
        raise self

    def __reduce__(self):
        raise TypeError("not to be sent")


class Mine(BaseException):
    pass


class Late(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            sys.exit("while the graph was made")
        return inputs


def deeper():
    return 1 + deeper()


def build(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x, outputs = keras.layers.Flatten()(inputs), keras.layers.Dense(n_classes)
    match factors["way"]:
        case "exit": sys.exit(3)
        case "interrupt": raise KeyboardInterrupt
        case "own": raise Mine("by the side door")
        case "unspeakable": raise Unspeakable
        case "endless": deeper()
        case "long": raise ValueError("x" * 3_000_000 + "\\n\\x1b[2J")
        case "none": return None
        case "wide": return keras.Model(inputs, keras.layers.Dense(n_classes + 1)(x))
        case "two": return keras.Model(inputs, [outputs(x), outputs(x)])
        case "unbuilt": return keras.Sequential([outputs])
        case "other input":
            other = keras.Input((5,))
            return keras.Model(other, outputs(other))
        case "two inputs": return keras.Model([inputs, keras.Input((3,))], outputs(x))
        case "nan": return keras.Model(inputs, keras.layers.Dense(n_classes, bias_initializer=NAN)(x))
        case "late": return keras.Model(inputs, outputs(Late()(x)))
    return keras.Model(inputs, outputs(x))
"""


@pytest.fixture(scope="module")
def wayward(tiny_study, digits, tmp_path_factory):
    """What becomes of a trial whose model goes a certain way, in one process with all the others."""
    folder = tmp_path_factory.mktemp("wayward")
    (folder / "wayward.py").write_text(WAYWARD)
    model = ModelRef.of("wayward.py:build")
    context = TrainingContext(tiny_study.model_copy(update={"model": model, "base": folder}), digits)
    finder = RateFinder(context, cache=None)
    return lambda way: run_trial(spec(tiny_study, 1, way=way), context, finder)


def test_whatever_a_users_model_does_is_the_outcome_of_its_trial(wayward):
    returned = "model: the builder must return a keras.Model with output (None, 10)"
    taken = "model: the builder must return a model with one input (None, 8, 8, 1)"
    reasons = {
        "exit": "SystemExit: 3",
        "own": "Mine: by the side door",
        "unspeakable": "Unspeakable: without a message",
        "endless": "RecursionError: maximum recursion depth exceeded",
        "long": "ValueError: xxx",
        "none": f"{returned}, got NoneType",
        "wide": f"{returned}, got output shape (None, 11)",
        "two": f"{returned}, got output shape ((None, 10), (",
        "unbuilt": f"{returned}, got output shape (None, 8, 8, 1",
        "other input": f"{taken}, got (None, 5)",
        "two inputs": f"{taken}, got ((None, 8, 8, 1), (None, 3))",
        "nan": "model: all weights must be finite before the first step, but ",
    }
    for way, reason in reasons.items():
        ended = wayward(way)
        assert (ended.state, ended.parts, ended.attempt) == ("failed", 1, 1), way
        assert ended.reason.startswith(reason), way
        assert ended.reason.isprintable(), way
        assert len(ended.reason) <= 500, way
        assert len(ended.traceback) < 101_000, way
        assert pickle.loads(pickle.dumps(ended)) == ended, way
        json.dumps(ended.to_json()).encode()


@pytest.mark.slow
def test_what_a_users_model_does_costs_no_other_trial(wayward):
    before = wayward("well")
    assert before.state == "finished"
    for way in ("late", "exit", "endless"):
        assert wayward(way).state == "failed"
    assert wayward("late").reason == "SystemExit: while the graph was made"
    after = wayward("well")
    assert (after.score, after.metrics["val_loss"], after.metrics["test_loss"]) == (
        before.score,
        before.metrics["val_loss"],
        before.metrics["test_loss"],
    )


def test_an_interrupt_by_user_code_ends_its_trial_where_ctrl_c_is_ignored(wayward):
    kept = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a worker
        ended = wayward("interrupt")
        assert (ended.state, ended.reason) == ("failed", "KeyboardInterrupt")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):  # the user's wish, here
            wayward("interrupt")
    finally:
        signal.signal(signal.SIGINT, kept)


def test_what_the_feed_raises_is_no_trials_outcome(specs, context):
    class FullDiskError(Exception):
        pass

    def full(_):
        raise FullDiskError

    with pytest.raises(FullDiskError):
        run_trial(specs[0], context, RateFinder(context, cache=None), full)


def test_a_trial_that_breaks_in_its_second_epoch_says_so(specs, context, monkeypatch):
    evaluate, calls = Program.evaluate, []

    def breaks(program, *arguments, **options):
        calls.append(options["n"])
        if len(calls) == 2:
            raise SystemExit(9)
        return evaluate(program, *arguments, **options)

    monkeypatch.setattr(Program, "evaluate", breaks)
    outcome = run_trial(specs[0], context, RateFinder(context, cache=None))
    assert (outcome.state, outcome.reason, outcome.epochs) == ("failed", "SystemExit: 9", 2)
