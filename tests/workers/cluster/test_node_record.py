import os
from dataclasses import replace

import pytest

from ablate import system
from ablate.storage.conditions import Conditions
from ablate.workers.cluster.node_record import GIB, differences, look_here, restore, seats

ZEN = Conditions("p", "", {"keras": "3.15", "numpy": "2.5"}, "tensorflow", "CPU AMD EPYC", 1, 1, {})


@pytest.mark.parametrize(
    ("cpus", "memory", "threads", "n"),
    [
        (8.0, 64 * GIB, 1, 8),
        (8.0, 64 * GIB, 3, 2),
        (8.0, 7 * GIB, 1, 3),  # 2 GiB a worker
        (8.0, 0, 1, 8),  # unknown
        (0.5, 64 * GIB, 1, 0),
        (8.0, GIB, 1, 0),
        (2.0, 64 * GIB, 4, 0),
    ],
)
def test_a_machine_has_as_many_seats_as_its_processors_and_memory_allow(cpus, memory, threads, n):
    assert seats(cpus=cpus, gpus=0, memory=memory, threads=threads, on_gpu=False) == n
    assert seats(cpus=cpus, gpus=4, memory=memory, threads=threads, on_gpu=False) == n


@pytest.mark.parametrize(
    ("cpus", "gpus", "threads", "n"), [(16, 4, 1, 4), (16, 4, 8, 2), (0, 4, 1, 0), (16, 0.5, 1, 0)]
)
def test_on_gpus_it_has_one_for_each_that_has_processors(cpus, gpus, threads, n):
    assert seats(cpus=cpus, gpus=gpus, memory=GIB, threads=threads, on_gpu=True) == n


def test_differences_say_what_is_there_and_what_is_elsewhere():
    assert differences(ZEN, ZEN) == []
    other = replace(ZEN, versions={"keras": "3.14", "numpy": "2.5"}, device="CPU Intel Xeon", flags={"MKL_CBWR": "AVX"})
    assert differences(ZEN, other) == [
        "keras 3.14, but 3.15 on the others",
        "MKL_CBWR AVX, but unset on the others",
        "device Intel Xeon, but AMD EPYC on the others",
    ]
    assert differences(ZEN, replace(ZEN, package="q")) == ["another version of ablate's code"]


def test_a_machine_is_described_for_one_worker_of_so_many_threads(tiny_study, monkeypatch):
    monkeypatch.setattr(system, "usable_cores", lambda: 8)
    found = look_here(tiny_study, threads=2)
    assert (found.cores, found.conditions.threads) == (8, 2)
    assert found.memory == system.memory_bytes()
    assert look_here(tiny_study, threads=99).conditions.threads == 8


def test_variables_become_the_drivers(monkeypatch):
    for name in ("MKL_CBWR", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    restore({"MKL_CBWR": "AVX"}, ("MKL_CBWR", "OMP_NUM_THREADS"))
    assert os.environ["MKL_CBWR"] == "AVX"
    assert "OMP_NUM_THREADS" not in os.environ  # Ray sets it by itself
