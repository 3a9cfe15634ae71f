"""The scheduler's processes on real trials."""

import multiprocessing
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from in_process import InProcess, run_trial
from pretend import Listed

from ablate.data import save_arrays
from ablate.errors import AblateError
from ablate.plans import ablation_specs
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Limits, Retries
from ablate.study.trial import Label, TrialSpec
from ablate.training.run_range_test import RateFinder
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import LocalScheduler


def spec(trial: str, **factors) -> TrialSpec:
    return TrialSpec(trial, Label("search"), 0, {"learning_rate": 0.1, "optimizer": "adam"} | factors)


@pytest.fixture
def task(tiny_study, digits, tmp_path) -> WorkerTask:
    arrays = save_arrays(digits, tmp_path / "arrays")
    return WorkerTask(tiny_study, arrays, cache=None, threads=1, log=tmp_path / "worker")


@pytest.fixture
def one_structure(tiny_study) -> list[TrialSpec]:
    """Five trials that can share a program; one of them diverges."""
    rates = (0.003, 0.01, 1e6, 0.003, 0.02)
    factors = {**tiny_study.baseline, "optimizer": "sgd"}
    return [
        replace(spec(f"s{seed}"), seed=seed, factors={**factors, "learning_rate": rate}, test=True, frozen="f00")
        for seed, rate in enumerate(rates, 1)
    ]


def local(task: WorkerTask, *, workers: int, stop: threading.Event | None = None) -> LocalScheduler:
    return LocalScheduler(task, workers=workers, stop=stop or threading.Event(), on_start=lambda _: None)


def test_results_do_not_depend_on_the_number_of_workers_nor_on_processes(task, tiny_study, context):
    """To the bit with as many threads a worker; to rounding in this process, where XLA counts other processors."""
    everything = [replace(spec, frozen="f00") for spec in ablation_specs(tiny_study, tiny_study.baseline)]
    specs = [spec for spec in everything if spec.label.variant in ("reference", "optimizer=sgd")]
    here, one, two = Listed(specs), Listed(specs), Listed(specs)
    finder = RateFinder(context, cache=None)
    InProcess(lambda s, on_epoch: run_trial(s, context, finder, on_epoch)).run(here)
    for plan, workers in ((one, 1), (two, 2)):
        with local(task, workers=workers) as scheduler:
            scheduler.run(plan)
        assert scheduler.clock.seconds["start"] > 0
        assert 0 < scheduler.clock.seconds["idle"] < scheduler.clock.total() * workers
    assert sorted(one.epochs) == sorted(two.epochs)
    for mine, theirs in zip(sorted(here.epochs), sorted(two.epochs), strict=True):
        assert mine[:2] == theirs[:2]
        assert mine[2:] == pytest.approx(theirs[2:], rel=1e-5)
    for name, outcome in one.outcomes.items():
        assert outcome.metrics.get("test_accuracy") == two.outcomes[name].metrics.get("test_accuracy")
        assert outcome.learning_rate == two.outcomes[name].learning_rate


@pytest.mark.slow
def test_results_depend_neither_on_stacks_nor_on_how_many_workers_refill_them(task, one_structure):
    plans = {(workers, stack): Listed(one_structure) for workers, stack in ((1, 1), (2, 2))}
    for (workers, stack), plan in plans.items():
        with local(replace(task, stack=stack), workers=workers) as scheduler:
            scheduler.run(plan)
    alone = plans.pop((1, 1))
    assert [alone.outcomes[name].state for name in ("s1", "s3")] == ["finished", "diverged"]
    for plan in plans.values():
        for mine, theirs in zip(sorted(plan.epochs), sorted(alone.epochs), strict=True):
            assert mine[:2] == theirs[:2]
            assert mine[2:] == pytest.approx(theirs[2:], rel=1e-4)
        for name, outcome in alone.outcomes.items():
            assert plan.outcomes[name].state == outcome.state
            assert plan.outcomes[name].metrics.get("test_accuracy") == outcome.metrics.get("test_accuracy")


HOSTILE = """
import ctypes, os, sys, time
import keras

def build(factors, input_shape, n_classes):
    match factors.get("does", "train"):
        case "crash":
            ctypes.string_at(0)
        case "leave":
            os._exit(9)
        case "hang":
            time.sleep(600)
        case "grow":
            held = []
            while True:
                held.append(b"x" * 2**27)
                time.sleep(0.02)
        case "print":
            for _ in range(200):
                print("x" * 10**6)
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(n_classes)])

def once(factors, input_shape, n_classes):
    if os.path.exists(FLAG):
        os.remove(FLAG)
        os._exit(9)
    return build({}, input_shape, n_classes)

def wrong(factors, input_shape, n_classes):
    return "no model"

def ends(factors, input_shape, n_classes):
    sys.exit("no model today")
"""


def user_task(task: WorkerTask, tmp_path: Path, name: str) -> WorkerTask:
    (tmp_path / "mine.py").write_text(f"FLAG = {str(tmp_path / 'flag')!r}\n{HOSTILE}")
    model = ModelRef.of(f"mine.py:{name}")
    study = task.study.model_copy(update={"model": model, "base": tmp_path})
    return WorkerTask(study, task.arrays, task.cache, task.threads, task.log)


@pytest.mark.slow
def test_a_model_that_does_its_worst_costs_its_own_trials_and_no_other(task, tmp_path):
    worst = {
        "crash": ("failed", r"its process was killed by signal 11 \(SIGSEGV\)"),
        "leave": ("failed", "its process exited with code 9"),
        "hang": ("failed", r"it took longer than limits\.trial_minutes = 0\.5 allows"),
        "grow": ("out_of_memory", r"its process held .* GB of memory, but limits\.memory_gb = 3 allows no more"),
        "print": ("finished", ""),
        "train": ("finished", ""),
    }
    limits = {"limits": Limits(trial_minutes=0.5, memory_gb=3), "retries": Retries(killed=0)}
    hostile = user_task(task, tmp_path, "build")
    hostile = replace(hostile, study=hostile.study.model_copy(update=limits), stack=1)
    plan = Listed([spec(does, does=does, learning_rate=0.01) for does in worst])
    with local(hostile, workers=2) as scheduler:
        scheduler.run(plan)
    for does, (state, reason) in worst.items():
        assert plan.outcomes[does].state == state
        assert re.fullmatch(reason, plan.outcomes[does].reason)
    assert "in build" in plan.outcomes["crash"].traceback
    assert "in build" in plan.outcomes["hang"].traceback
    assert all(hostile.log_of(number).stat().st_size <= 64 * 2**20 for number in range(2))


@pytest.mark.slow
def test_when_a_stacks_worker_dies_each_of_its_trials_gets_a_worker_of_its_own(task, tmp_path, one_structure):
    plan = Listed(one_structure)
    hostile = replace(user_task(task, tmp_path, "once"), stack=8)
    together = []

    def on_start(started: TrialSpec) -> None:
        together.append(started.trial)
        if started.trial == "s5" and together.count("s5") == 1:
            (tmp_path / "flag").touch()  # the worker that has just been given all five builds their models next

    with LocalScheduler(hostile, workers=1, stop=threading.Event(), on_start=on_start) as scheduler:
        scheduler.run(plan)
    assert not (tmp_path / "flag").exists()
    assert together == ["s1", "s2", "s3", "s4", "s5"] * 2
    assert {outcome.state for outcome in plan.outcomes.values()} == {"finished", "diverged"}


@pytest.mark.slow
def test_a_worker_whose_memory_grows_past_the_bound_is_replaced_between_trials(task):
    specs = [spec("a", learning_rate=0.01), spec("b", learning_rate=0.02)]
    kept, replaced, pids = Listed(specs), Listed(specs), set()

    def note_worker(_):
        pids.update(process.pid for process in multiprocessing.active_children())
        return True

    with local(task, workers=1) as scheduler:
        scheduler.run(kept)
    replaced.on_epoch = note_worker
    with local(replace(task, max_memory=1), workers=1) as scheduler:
        scheduler.run(replaced)
    assert len(pids) == len(specs)
    assert {outcome.state for outcome in replaced.outcomes.values()} == {"finished"}
    assert sorted(kept.epochs) == sorted(replaced.epochs)


@pytest.mark.slow
def test_a_worker_that_dies_while_it_waits_is_replaced(task):
    plan = Listed([spec("a", learning_rate=0.01)])
    with local(task, workers=1) as scheduler:
        [process] = multiprocessing.active_children()

        def killed_first(n):
            process.kill()
            process.join()
            return Listed.ask(plan, n)

        plan.ask = killed_first
        while not scheduler.workers[0].is_idle:  # until it is ready
            scheduler._listen(plan)
        scheduler.run(plan)
    assert plan.outcomes["a"].state == "finished"


@pytest.mark.parametrize(
    ("name", "reason", "names_log"),
    [
        ("wrong", r"must return a keras\.Model", False),  # all is said
        pytest.param("ends", r"mine\.py:ends .*SystemExit: no model today", True, marks=pytest.mark.slow),
    ],
)
def test_a_model_that_cannot_be_built_ends_the_study_with_the_reason(task, tmp_path, name, reason, names_log):
    with (
        pytest.raises(AblateError, match=reason) as raised,
        local(user_task(task, tmp_path, name), workers=1) as scheduler,
    ):
        scheduler.run(Listed([spec("a")]))
    assert str(raised.value).endswith(f"see {task.log_of(0)}") == names_log


def test_a_stop_ends_the_running_trial_after_its_epoch_as_killed(task):
    stop = threading.Event()

    def stop_at_two(epoch):
        if epoch.epoch == 2:
            stop.set()
        return True

    plan = Listed([spec("a", learning_rate=0.01), spec("b", learning_rate=0.02)], stop_at_two)
    with local(task, workers=1, stop=stop) as scheduler:
        scheduler.run(plan)
    assert {name: (o.state, o.epochs) for name, o in plan.outcomes.items()} == {"a": ("killed", 2)}
