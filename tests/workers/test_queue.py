from dataclasses import replace
from multiprocessing import Pipe, get_context
from pathlib import Path

from pretend import Listed, spec

from ablate.data.placement import UNKNOWN, Room
from ablate.study.catalog import structure_of
from ablate.study.settings import Limits
from ablate.study.trial import TrialSpec
from ablate.workers.crew import Worker
from ablate.workers.messages import WorkerPlace
from ablate.workers.process import ProcessLine
from ablate.workers.queue import TrialQueue, room_of_worker


def of(optimizer: str, trial: str) -> TrialSpec:
    return replace(spec(trial), factors={"optimizer": optimizer, "learning_rate": 0.1})


def waiting(*specs: TrialSpec) -> TrialQueue:
    made = TrialQueue(model="mlp")
    made.fill(Listed(specs), len(specs))
    return made


def working(*trials: TrialSpec) -> Worker:
    process = get_context("spawn").Process()  # never started
    worker = Worker(WorkerPlace(0), ProcessLine(process, Pipe()[0]), Path("log"))
    if trials:
        worker.start(trials)
        worker.structure = structure_of(trials[0].factors, model="mlp")
    return worker


def taken(specs: TrialQueue, worker: Worker, *others: Worker) -> str:
    begun = specs.take(worker, [worker, *others])
    return begun[1].trial if begun is not None else ""


def test_only_as_many_are_asked_for_as_are_missing():
    plan, specs = Listed([spec(f"t{n}") for n in range(5)]), TrialQueue(model="mlp")
    specs.fill(plan, 2)
    specs.fill(plan, 3)
    assert (len(specs), len(plan.specs)) == (3, 2)
    specs.fill(plan, 9)
    assert len(specs) == 5
    specs.clear()
    assert not specs


def test_a_worker_takes_what_it_has_compiled_before_what_comes_first():
    specs, worker = waiting(of("sgd", "a"), of("adam", "b")), working()
    worker.seen.add(structure_of({"optimizer": "adam"}, model="mlp"))
    assert [taken(specs, worker) for _ in range(3)] == ["b", "a", ""]


def test_a_stack_grows_by_trials_of_its_structure():
    specs = waiting(of("sgd", "a"), of("adam", "b"), of("adam", "c"), of("adam", "d"))
    more = specs.more(working(of("adam", "x")), Listed([of("adam", "e")]), n=3)
    assert [one.trial for one in more] == ["b", "c", "d"]
    assert [taken(specs, working()) for _ in range(3)] == ["a", "e", ""]


def test_what_was_put_back_comes_first_and_alone_where_a_stack_had_died():
    specs = waiting(of("adam", "a"), of("adam", "b"))
    structure = structure_of({"optimizer": "adam"}, model="mlp")
    specs.put_back(structure, [of("adam", "x"), of("adam", "y")])
    nothing = Listed([])
    assert [one.trial for one in specs.more(working(of("adam", "z")), nothing, n=9)] == ["a", "b"]
    assert taken(specs, working()) == "x"
    assert specs.more(working(of("adam", "x")), nothing, n=9) == []
    assert taken(specs, working()) == "y"


def test_two_workers_do_not_train_the_same_network_before_a_transfer():
    def taking_over(trial: str, seed: int, transfer: str, rate: str = "find") -> TrialSpec:
        factors = {"optimizer": "sgd", "transfer": transfer, "learning_rate": rate}
        return replace(spec(trial), seed=seed, factors=factors)

    busy = working(taking_over("x", 1, "unfrozen"))
    specs = waiting(
        taking_over("frozen", 1, "frozen_then_unfrozen"),
        taking_over("found", 1, "unfrozen", "find*0.1"),
        taking_over("afresh", 1, "none"),
        taking_over("next", 2, "unfrozen"),
    )
    assert [taken(specs, working(), busy) for _ in range(2)] == ["afresh", "next"]
    assert [taken(specs, working(), busy) for _ in range(3)] == ["frozen", "found", ""]  # better than to wait


def test_a_worker_has_its_share_of_the_memory_of_the_machine_and_of_its_gpu():
    gb, free = 2**30, Limits()
    assert room_of_worker(3, memory=20 * gb, gpu_memory=[], limits=free) == Room(4 * gb)
    assert room_of_worker(3, memory=20 * gb, gpu_memory=[], limits=Limits(memory_gb=2.5)) == Room(int(2.5 * gb))
    assert room_of_worker(2, memory=50 * gb, gpu_memory=[24 * gb, 8 * gb], limits=free) == Room(8 * gb, is_gpu=True)
    assert room_of_worker(3, memory=50 * gb, gpu_memory=[24 * gb, 8 * gb], limits=free) == Room(4 * gb, is_gpu=True)
    assert room_of_worker(2, memory=10 * gb, gpu_memory=[24 * gb, 8 * gb], limits=free) == Room(3 * gb)
    assert room_of_worker(1, memory=0, gpu_memory=[0], limits=free) == UNKNOWN
