import threading
from pathlib import Path

import pretend
import pytest
from in_process import InProcess

from ablate.data import Dataset, load_arrays
from ablate.errors import AblateError
from ablate.study.trial import Outcome
from ablate.workers import scheduler as module
from ablate.workers.messages import WorkerTask
from ablate.workers.queue import share_of_memory
from ablate.workers.scheduler import WorkerOptions, open_workers

OPTIONS = WorkerOptions(workers=2, threads=3, cache=Path("cache"), log=Path("log"), stack=4)


class Fake:
    """Local processes that are none: it keeps what it was made of, and looks at the data while it is open."""

    made: "Fake"

    def __init__(self, task: WorkerTask, *, workers, stop, on_start, on_lost, on_notice, serve):
        Fake.made = self
        self.task, self.workers, self.stop, self.serve = task, workers, stop, serve
        self.callbacks = (on_start, on_lost, on_notice)

    def __enter__(self):
        self.data: Dataset = load_arrays(self.task.arrays)
        return self

    def __exit__(self, *_):
        assert self.task.arrays.exists()


def test_workers_get_study_data_and_options_and_their_data_go_with_them(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(module, "LocalScheduler", Fake)
    monkeypatch.setattr("ablate.system.memory_bytes", lambda: 64 * 2**30)
    stop, said = threading.Event(), []
    with open_workers(tiny_study, digits, OPTIONS, stop=stop, on_notice=said.append) as opened:
        assert opened is Fake.made
    task = opened.task
    assert (task.study, task.threads, task.cache, task.log, task.stack) == (
        tiny_study,
        3,
        Path("cache"),
        Path("log"),
        4,
    )
    assert task.max_memory == share_of_memory(2, memory=64 * 2**30)
    assert (opened.workers, opened.stop, opened.callbacks[2]) == (2, stop, said.append)
    assert opened.data.digest == digits.digest
    assert not task.arrays.exists()


def test_a_large_copy_of_the_examples_on_the_disk_is_said(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(module, "LocalScheduler", Fake)
    monkeypatch.setattr(module, "WORTH_SAYING", 100_000)
    said = []
    with open_workers(tiny_study, digits, OPTIONS, stop=threading.Event(), on_notice=said.append) as opened:
        place = opened.task.arrays.parent.parent
    assert said == [f"workers read a copy of the examples in {place}: 0.000114 GB on the disk"]


def test_what_workers_print_goes_with_them_where_no_place_for_it_is_named(tiny_study, digits, monkeypatch):
    monkeypatch.setattr(module, "LocalScheduler", Fake)
    with open_workers(tiny_study, digits, WorkerOptions(1, 1), stop=threading.Event()) as opened:
        assert opened.task.log.parent.is_dir()
    assert not opened.task.log.parent.exists()


def test_without_room_for_the_data_the_place_and_a_way_out_are_named(tiny_study, digits, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_arrays", full)
    opened = open_workers(tiny_study, digits, OPTIONS, stop=threading.Event())
    with (
        pytest.raises(AblateError, match=r"cannot hold the data for the workers: No space left on device\n  free"),
        opened,
    ):
        pass


def test_whoever_trains_a_plan_the_plan_hears_the_same(tiny_study, digits):
    """In this process, and in two of their own."""
    here, there = (pretend.Listed([pretend.spec("fine-1"), pretend.spec("fine-2")]) for _ in range(2))
    InProcess(lambda spec, _: Outcome(spec.trial, "finished", score=0.5)).run(here)
    begun = []
    options = WorkerOptions(2, 1)
    with open_workers(
        tiny_study, digits, options, stop=threading.Event(), on_start=begun.append, serve=pretend.pretend
    ) as opened:
        opened.run(there)
    assert here.outcomes == there.outcomes
    assert sorted(spec.trial for spec in begun) == ["fine-1", "fine-2"]
    assert set(opened.clock.seconds) == {"start", "idle"}
