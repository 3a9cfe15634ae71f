"""Both sides of the door: who is let in to help a running study, and what becomes of it when they go."""

import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from pretend import pretend, spec

from ablate.ablation import ablation_specs
from ablate.datasets import save_arrays
from ablate.errors import AblateError
from ablate.records import TrialSpec
from ablate.schedule import guest as guests
from ablate.schedule import joining
from ablate.schedule.greeting import PLATE, Plate, introduce, own_kin, read_plate, say_hello, write_plate
from ablate.schedule.guest import Loan, join_study, spare_workers
from ablate.schedule.joining import Door, Guest, UnwelcomeError, spare_place
from ablate.schedule.local import Local
from ablate.schedule.messages import Place, Ready, Refused, Task

NOBODY = Plate("/tmp/nobody/door", "key", 2**22, platform.node(), size=1, cpus=(0,), gpus=())
NOISES = (
    b"\x00\xff" * 500,
    b"GET / HTTP/1.1\r\n\r\n",
    b"[" * 60_000 + b"\n",
    b'{"key": "\xed\xa0\x80"}\n',
    b"\n",
)


@pytest.fixture
def four_processors(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.fixture
def task(tiny_study, tmp_path) -> Task:
    return Task(tiny_study, tmp_path / "arrays", cache=None, threads=1, log=tmp_path / "worker")


@pytest.fixture
def door(task, tmp_path) -> Iterator[Door]:
    with Door(tmp_path, task, workers=1, announce=print) as opened:
        yield opened


def plate_in(folder: Path) -> Plate:
    plate = read_plate(folder)
    assert plate is not None
    return plate


def connect(folder: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(10)
    line.connect(plate_in(folder).address)
    return line


def come_in(folder: Path, **changes) -> Connection:
    """A line to the study's process after the first words, which may be changed."""
    with connect(folder) as line:
        say_hello(line, replace(introduce(plate_in(folder)), **changes))
        line.settimeout(None)
        return Connection(line.detach())


def newcomer(door: Door) -> Guest:
    """The next one at the door; fails where none comes."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if found := door.newcomers():
            [one] = found
            return one
        time.sleep(0.01)
    raise AssertionError("nobody came")


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def eventually(condition) -> bool:
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


@pytest.mark.usefixtures("four_processors")
def test_a_newcomer_is_given_task_and_place_and_then_its_line_is_its_workers_pipe(door, task, tmp_path):
    line = come_in(tmp_path)
    welcome = line.recv()
    assert (welcome.task, welcome.folder) == (task, Path.cwd())
    assert welcome.place == Place(1, frozenset({1}), gpu="-1")
    line.send(4321)
    guest = newcomer(door)
    assert (guest.pid, guest.number) == (4321, 1)
    assert door.newcomers() == []
    guest.pipe.send(["a spec"])
    assert line.recv() == ["a spec"]
    line.send(Ready())
    assert guest.pipe.recv() == Ready()


def test_the_plate_is_its_users_alone_and_goes_with_the_door(task, tmp_path):
    before = os.umask(0)
    try:
        with Door(tmp_path, task, workers=1, announce=print):
            address = Path(plate_in(tmp_path).address)
            assert (tmp_path / PLATE).stat().st_mode & 0o777 == 0o600
            assert address.parent.stat().st_mode & 0o777 == 0o700
            assert [path.name for path in tmp_path.iterdir()] == [PLATE]
    finally:
        os.umask(before)
    assert not (tmp_path / PLATE).exists()
    assert not address.parent.exists()


def test_neither_silence_nor_noise_nor_a_wrong_key_keeps_others_out(door, tmp_path):
    silent = [connect(tmp_path) for _ in range(20)]
    for noise in NOISES:
        silent.append(connect(tmp_path))
        silent[-1].sendall(noise)
    stranger = come_in(tmp_path, key="0" * 64)
    with pytest.raises((EOFError, OSError)):
        stranger.recv()
    line = come_in(tmp_path)
    assert line.recv().place.number == 1
    line.send(1)
    assert newcomer(door).pid == 1
    for one in silent:
        one.close()


@pytest.mark.usefixtures("door")
def test_who_says_nothing_is_let_go_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(joining, "PATIENCE", 0.2)
    with connect(tmp_path) as silent:
        assert silent.recv(1) == b""
    with connect(tmp_path) as slow:
        slow.sendall(b"{")
        time.sleep(0.1)
        slow.sendall(b" ")
        assert slow.recv(1) == b""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kin": replace(own_kin(), versions=own_kin().versions | {"keras": "0.1"})}, r"keras 0\.1 here, [\d.]+ there"),
        ({"kin": replace(own_kin(), code="f00")}, "differ from the running study's: another version of this program"),
        ({"kin": replace(own_kin(), flags={"XLA_FLAGS": "--x"})}, "XLA_FLAGS --x here, unset there"),
        ({"host": "elsewhere"}, f"runs on {platform.node()}, and this process on elsewhere"),
        ({"cpus": ()}, "too few processors: 0, where each worker of the study has 1"),
    ],
)
def test_a_process_whose_numbers_would_differ_is_refused_with_the_reason(door, tmp_path, changes, reason):
    assert re.search(reason, refusal(tmp_path, **changes))
    assert door.newcomers() == []


def refusal(folder: Path, **changes) -> str:
    answer = come_in(folder, **changes).recv()
    assert isinstance(answer, Refused)
    return answer.reason


def test_nobody_is_let_in_once_the_users_model_has_changed(task, tmp_path):
    (tmp_path / "mine.py").write_text("def build(factors, input_shape, n_classes): ...\n")
    model = task.study.model.model_copy(update={"name": "mine.py:build", "options": {}})
    study = task.study.model_copy(update={"model": model, "base": tmp_path})
    with Door(tmp_path, replace(task, study=study), workers=1, announce=print):
        assert come_in(tmp_path).recv().place.number == 1
        (tmp_path / "mine.py").write_text("def build(factors, input_shape, n_classes): pass\n")
        assert refusal(tmp_path) == "mine.py:build has changed since the study was started"


@pytest.mark.usefixtures("four_processors")
def test_guests_get_what_the_studys_own_workers_leave_and_then_share():
    hello, taken = introduce(NOBODY), [Place(0, frozenset({0})), Place(1, frozenset({1}))]
    for expected in (2, 3, 0, 1, 2):
        taken.append(spare_place(taken, hello, size=1))
        assert taken[-1].cpus == {expected}
    assert [place.number for place in taken] == [0, 1, 2, 3, 4, 5, 6]
    two = spare_place([Place(0, frozenset({0, 1}))], hello, size=2)
    assert (two.number, two.cpus) == (1, {2, 3})
    anywhere = spare_place([Place(0), Place(1)], hello, size=4)  # a study whose workers share all processors
    assert anywhere.cpus == {0, 1, 2, 3}


@pytest.mark.usefixtures("four_processors")
def test_a_guest_of_a_study_on_gpus_needs_one_that_nobody_has():
    hello, taken = replace(introduce(NOBODY), gpus=("0", "1")), [Place(0, gpu="0")]
    taken.append(spare_place(taken, hello, size=1))
    assert taken[-1].gpu == "1"
    with pytest.raises(UnwelcomeError, match="every GPU that this process sees has a worker"):
        spare_place(taken, hello, size=1)
    assert spare_place([Place(0)], hello, size=1).gpu == "-1"  # a study on processors


@pytest.mark.usefixtures("four_processors")
def test_as_many_workers_are_lent_as_the_study_leaves_room_for(monkeypatch):
    monkeypatch.setattr("ablate.provenance.memory_bytes", lambda: 0)
    assert [spare_workers(replace(NOBODY, cpus=cpus)) for cpus in ((0,), (0, 1), (0, 1, 2, 3))] == [3, 2, 1]
    assert spare_workers(replace(NOBODY, cpus=(0, 1), size=2)) == 1
    monkeypatch.setattr("ablate.provenance.gpu_names", lambda: ["0", "1", "2"])
    assert spare_workers(replace(NOBODY, gpus=("0",))) == 2
    assert spare_workers(NOBODY) == 3  # a study on processors


def test_a_place_is_free_again_when_its_guest_has_left(door, tmp_path):
    lines = []
    for number in (1, 2):
        lines.append(come_in(tmp_path))
        assert lines[-1].recv().place.number == number
        lines[-1].send(number)
        guest = newcomer(door)
    guest.pipe.close()
    assert come_in(tmp_path).recv().place.number == 2


def test_who_waits_when_the_door_is_shut_is_sent_away(door, tmp_path):
    line = come_in(tmp_path)
    line.recv()
    line.send(1)
    assert eventually(lambda: bool(door._waiting))
    door.__exit__(None, None, None)
    with pytest.raises(EOFError):
        line.recv()
    assert door.newcomers() == []


def test_a_study_runs_without_a_door_where_none_can_be_opened(task, tmp_path):
    said = []
    (tmp_path / "file").touch()
    with Door(tmp_path / "file" / "nowhere", task, workers=1, announce=said.append) as shut:
        assert shut.newcomers() == []
    assert len(said) == 1
    assert said[0].startswith("no other process can join this one: ")


def test_without_a_running_study_the_way_out_is_said(tmp_path, monkeypatch):
    def fails(match: str) -> None:
        with pytest.raises(AblateError, match=match):
            join_study(tmp_path, workers=1, announce=print)

    fails("no process runs this study here that others can join\n  run it without --join")
    write_plate(tmp_path, NOBODY)
    fails(rf"the process that ran this study \(pid {NOBODY.pid}\) is gone\n  run it without --join")
    write_plate(tmp_path, replace(NOBODY, host="elsewhere"))
    fails(rf"the study runs on elsewhere \(pid {NOBODY.pid}\), and this is ")
    with monkeypatch.context() as patch:
        patch.setattr("os.getuid", lambda: 12345)
        fails("another user runs this study")
    (tmp_path / PLATE).write_text(json.dumps({"address": 5}))
    fails("is not what a running study writes there")
    (tmp_path / PLATE).unlink()
    (tmp_path / PLATE).symlink_to(tmp_path / "elsewhere")
    fails("cannot be read")


@pytest.mark.usefixtures("door")
def test_a_refusal_is_the_joiners_to_read(tmp_path, monkeypatch):
    monkeypatch.setattr(guests, "introduce", lambda plate: replace(introduce(plate), cpus=()))
    with pytest.raises(AblateError, match=f"{tmp_path.name}: it may use too few processors"):
        join_study(tmp_path, workers=1, announce=print)


class Joined:
    """A process that has joined, in a thread of this one; its workers are processes."""

    def __init__(self, folder: Path, *, workers: int = 1) -> None:
        self.said: list[str] = []
        self.loan = Loan(folder, plate_in(folder), announce=self.said.append, serve=pretend)
        self.parting = ""
        self._thread = threading.Thread(target=self._run, args=(workers,))
        self._thread.start()

    def leave(self) -> str:
        """Wait until it has left, and say how."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.parting

    def _run(self, workers: int) -> None:
        self.parting = self.loan.run(workers)


class Endless:
    """A plan that has trials until `is_enough`."""

    def __init__(self, is_enough) -> None:
        self.asked, self.told, self._is_enough = 0, [], is_enough

    def ask(self, n):
        if self._is_enough():
            return []
        self.asked += n
        return [spec(f"fine-{number}") for number in range(self.asked - n, self.asked)]

    def report(self, _epoch):
        raise AssertionError("a fine trial reports no epochs")

    def tell(self, outcome):
        self.told.append(outcome)
        time.sleep(0.01)


def test_a_scheduler_shares_its_trials_with_who_has_joined(task, tmp_path):
    door = Door(tmp_path, task, workers=1, announce=print)
    stop = threading.Event()
    with Local(task, workers=1, stop=stop, on_start=lambda _: None, door=door, serve=pretend) as local, door:
        joined = Joined(tmp_path)
        plan = Endless(lambda: any(line.endswith("  finished") for line in joined.said))
        local.run(plan)
    assert joined.leave() == "ended"
    assert sorted(outcome.trial for outcome in plan.told) == sorted(f"fine-{number}" for number in range(plan.asked))
    assert joined.said[0] == f"joined {tmp_path.name} (pid {os.getpid()} on {platform.node()}): 1 more worker"
    trained = [line for line in joined.said if line.endswith("  finished")]
    assert 0 < len(trained) < len(plan.told)
    assert joined.said[-1].startswith(f"the run of {tmp_path.name} has ended: {len(trained)} trial")


def test_a_worker_that_dies_is_replaced_and_a_stop_ends_all_at_once(door, tmp_path):
    joined = Joined(tmp_path)
    first = newcomer(door)
    assert first.pipe.recv() == Ready()
    first.pipe.send([spec("exit")])
    with pytest.raises(EOFError):
        first.pipe.recv()
    first.pipe.close()  # as the scheduler does
    second = newcomer(door)
    assert second.number == first.number
    assert second.pipe.recv() == Ready()
    second.pipe.send([spec("fine"), spec("asleep")])
    assert second.pipe.recv().trial == "fine"
    joined.loan.stop()
    with pytest.raises(EOFError):
        second.pipe.recv()
    assert joined.leave() == "stopped"
    assert not is_alive(second.pid)
    lost, log = joined.said[1].splitlines()
    assert lost.startswith("a worker was lost, and its trials went back: ")
    assert lost.endswith("exit code 3")
    assert log == f"  see {tmp_path / 'worker-1.log'}"
    assert joined.said[-1] == f"left {tmp_path.name}: 1 trial trained here; what was under way goes back"


def test_who_loses_its_workers_again_and_again_gives_up(door, tmp_path, monkeypatch):
    monkeypatch.setattr(guests, "MOST_LOSSES", 0)
    joined = Joined(tmp_path)
    only = newcomer(door)
    assert only.pipe.recv() == Ready()
    only.pipe.send([spec("fork")])  # it dies, and a child of it holds its pipe
    assert joined.leave() == "given up"
    assert "exit code 6" in joined.said[1]
    assert joined.said[-1] == f"left {tmp_path.name}: 0 trials trained here; it goes on without these workers"


def test_a_guest_that_the_scheduler_shuts_out_is_ended(door, tmp_path, monkeypatch):
    monkeypatch.setattr(guests, "MOST_LOSSES", 0)
    joined = Joined(tmp_path)
    guest = newcomer(door)
    assert guest.pipe.recv() == Ready()
    guest.pipe.send([spec("asleep")])
    guest.pipe.close()
    assert joined.leave() == "given up"
    assert not is_alive(guest.pid)


JOIN = """
import sys
from functools import partial
from pathlib import Path
from ablate.schedule.guest import join_study
print(join_study(Path(sys.argv[1]), workers=1, announce=partial(print, flush=True)), flush=True)
"""


EPOCHS = 3  # of a trial of the tiny study


class Shared:
    """A plan of a fixed list, told slowly until a joined process has trained one of it and begun another."""

    def __init__(self, specs: list[TrialSpec], has_trained=lambda: True) -> None:
        self.specs, self._has_trained = list(specs), has_trained
        self.outcomes, self.epochs = {}, set()
        self.running: dict[str, int] = {}  # its last epoch, by trial
        self.on_shared = lambda: None

    def ask(self, n):
        specs, self.specs = self.specs[:n], self.specs[n:]
        return specs

    def report(self, epoch):
        self.epochs.add((epoch.trial, epoch.epoch, epoch.train_loss, epoch.val_loss))
        self.running[epoch.trial] = epoch.epoch
        if not self._has_trained():
            time.sleep(0.5)
        elif len(self.running) > 1 and max(self.running.values()) < EPOCHS:  # neither can have ended unheard
            self.on_shared()
        return True

    def tell(self, outcome):
        self.running.pop(outcome.trial, None)
        self.outcomes[outcome.trial] = replace(outcome, seconds=0, timings={}, rate_test=None)


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="both workers need a processor of their own")
def test_a_joined_study_has_the_same_numbers_even_where_the_joiner_is_killed(tiny_study, digits, task, tmp_path):
    """To the bit: undisturbed, and with a guest that is killed in its second trial or a later one."""
    task = replace(task, arrays=save_arrays(digits, tmp_path / "arrays"))
    every = [replace(spec, frozen="f00") for spec in ablation_specs(tiny_study, tiny_study.baseline)]
    specs = [replace(spec, trial=f"{spec.trial}-{n}", seed=10 * n + spec.seed) for n in range(3) for spec in every]
    alone, lost = Shared(specs), []
    with Local(task, workers=1, stop=threading.Event(), on_start=lambda _: None) as local:
        local.run(alone)

    output = tmp_path / "join.txt"
    shared = Shared(specs, lambda: output.exists() and "  finished" in output.read_text())
    door = Door(tmp_path, task, workers=1, announce=print)
    seen = Seen(door)
    stop = threading.Event()
    with (
        Local(
            task, workers=1, stop=stop, on_start=lambda _: None, on_lost=lambda *of: lost.append(of), door=seen
        ) as local,
        door,
        output.open("w") as out,
        subprocess.Popen([sys.executable, "-c", JOIN, str(tmp_path)], stdout=out, stderr=out) as joiner,
    ):
        shared.on_shared = lambda: joiner.send_signal(signal.SIGKILL)
        local.run(shared)
        assert joiner.wait(10) == -signal.SIGKILL
    assert output.read_text().startswith("joined ")
    assert len(lost) == 1
    assert [eventually(lambda guest=guest: not is_alive(guest.pid)) for guest in seen.guests] == [True]
    assert shared.outcomes == alone.outcomes
    assert shared.epochs == alone.epochs


class Seen:
    """A door that keeps who came through it."""

    def __init__(self, door: Door) -> None:
        self._door, self.guests = door, []

    def newcomers(self):
        found = self._door.newcomers()
        self.guests += found
        return found
