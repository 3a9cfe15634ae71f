"""The line to a machine is cut: for seconds nothing happens, for longer its trial begins anew elsewhere."""

from collections import defaultdict

import pretend
import pytest
from clusters import OnCluster
from cut_line import can_cut, two_machines

from ablate.workers.messages import WorkerTask

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(not can_cut(), reason="only root can make network namespaces, where the system lets it"),
]


@pytest.fixture
def line():
    with two_machines() as line:
        yield line


@pytest.fixture
def task(tiny_study, tmp_path) -> WorkerTask:
    return WorkerTask(tiny_study, tmp_path, cache=None, threads=1, log=tmp_path / "worker")


def states(outcomes) -> dict[str, tuple[str, str]]:
    return {name: (one.state, one.reason) for name, one in outcomes.items()}


def test_a_line_that_is_cut_for_seconds_costs_nothing(line, task, digits):
    crew, heard, late = OnCluster(line, task, serve=pretend.pretend, killed=0), defaultdict(list), defaultdict(int)

    def cut(epoch) -> bool:
        heard[epoch.trial].append(epoch.epoch)
        if len(heard) == 2 and epoch.epoch == 10 and not line.is_cut:
            line.cut(5)
        late[epoch.trial] += line.is_back.is_set()
        return late[epoch.trial] < 20

    outcomes = crew.train(digits, "slow-1", "slow-2", on_epoch=cut)
    assert states(outcomes) == {"slow-1": ("finished", ""), "slow-2": ("finished", "")}
    assert crew.lost == []
    assert sorted(crew.begun) == ["slow-1", "slow-2"]
    for epochs in heard.values():  # none twice, none left out
        assert epochs == list(range(1, len(epochs) + 1))


def test_a_line_that_stays_cut_costs_a_machine_but_no_attempt(line, task, digits):
    """The driver's side trains on, and takes over the trial of the far side."""
    crew, heard = OnCluster(line, task, serve=pretend.pretend, killed=0), defaultdict(list)

    def cut(epoch) -> bool:
        heard[epoch.trial].append(epoch.epoch)
        if len(heard) == 2 and epoch.epoch == 10 and not line.is_cut:
            line.cut(90)
        is_lost = [name for name, _ in crew.lost] == [epoch.trial]
        return not line.is_back.is_set() if is_lost or not crew.lost else False

    outcomes = crew.train(digits, "slow-1", "slow-2", on_epoch=cut)
    assert states(outcomes) == {"slow-1": ("finished", ""), "slow-2": ("finished", "")}
    [(lost, reason)] = crew.lost
    assert reason == "its machine left the cluster, or the line to it was cut"
    assert crew.begun.count(lost) == 2
    assert len(crew.begun) == 3
    again = heard[lost].index(1, 1)  # where it began anew, while the line was cut
    assert heard[lost][again:] == list(range(1, len(heard[lost]) - again + 1))
    assert len(heard[lost]) > again + 20
