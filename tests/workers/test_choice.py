import pytest

from ablate.workers.queue import choose, count_workers, places, share_of_memory

GIB = 2**30


def test_a_worker_takes_what_it_has_compiled_then_what_nobody_has_then_anything():
    adam, sgd, nadam = ((("optimizer", name),) for name in ("adam", "sgd", "nadam"))
    seen, others = {sgd}, [{adam}]
    assert choose([adam, nadam, sgd], seen, others) == 2
    assert choose([adam, nadam], seen, others) == 1
    assert choose([adam], seen, others) == 0


def test_workers_get_processors_of_their_own_where_there_are_enough():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
        assert [sorted(place.cpus) for place in places(2, threads=2, gpus=[])] == [[0, 1], [2, 3]]
        assert [sorted(place.cpus) for place in places(3, threads=2, gpus=[])] == [[], [], []]


def test_each_worker_sees_one_gpu():
    assert [place.gpu for place in places(3, threads=1, gpus=["0", "GPU-7"])] == ["0", "GPU-7", "0"]
    assert [place.gpu for place in places(1, threads=1, gpus=[])] == [None]


def test_there_are_as_many_workers_as_cores_and_memory_bear_or_as_gpus():
    assert [count_workers(cores, gpus=0, memory=64 * GIB) for cores in (1, 2, 64)] == [1, 2, 8]
    assert [count_workers(64, gpus=0, memory=memory * GIB) for memory in (2, 8, 16)] == [1, 2, 4]
    assert count_workers(2, gpus=0, memory=0) == 2  # a system that does not say
    assert count_workers(64, gpus=2, memory=64 * GIB) == 2


def test_a_worker_may_hold_its_share_of_the_machine():
    assert share_of_memory(2, memory=20 * GIB) == 6 * GIB
    assert share_of_memory(8, memory=4 * GIB) == 2 * GIB
    assert share_of_memory(2, memory=0) == 2 * GIB  # a system that does not say
