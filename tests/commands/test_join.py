"""Which folder `--join` goes to, and what it refuses before it knocks."""

import platform

import pytest

from ablate.commands import INTERRUPTED, join
from ablate.errors import AblateError
from ablate.schedule.greeting import Plate, write_plate
from ablate.study import to_toml

PLATE = Plate("/tmp/nobody/door", "key", 2**22, platform.node(), size=1, cpus=(0,), gpus=())


@pytest.fixture
def asked(monkeypatch):
    """What `join_study` was asked to join, which says that it was stopped."""
    calls = []

    def join_study(folder, *, workers, announce):
        calls.append((folder, workers, announce))
        return "stopped"

    monkeypatch.setattr(join, "join_study", join_study)
    return calls


@pytest.mark.parametrize("name", ["tiny", "tiny@stand-in"])
def test_a_study_is_joined_where_it_runs(tiny_study, tmp_path, asked, name):
    (tmp_path / name).mkdir()
    write_plate(tmp_path / name, PLATE)
    assert join.run(tiny_study, out=tmp_path, workers=3, announce=print) == INTERRUPTED
    assert asked == [(tmp_path / name, 3, print)]


def test_another_study_than_the_one_that_runs_is_not_joined(tiny_study, tmp_path, asked):
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_plate(folder, PLATE)
    (folder / "study.toml").write_text(to_toml(tiny_study).replace("epochs = 3", "epochs = 4"))
    with pytest.raises(AblateError, match=r"what runs there has other settings: training\.epochs 4 → 3"):
        join.run(tiny_study, out=tmp_path, workers=None, announce=print)
    assert asked == []
