import json
import os
import platform
import socket
import subprocess
import sys
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from folder_state import state_of

from ablate.errors import AblateError, StudyError
from ablate.storage.conditions import of_workers
from ablate.storage.files.atomic import ASIDE, name_aside
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry, Journal
from ablate.study.load import load_study
from ablate.study.model_ref import ModelRef
from ablate.study.settings import StudySettings
from ablate.study.trial import Label, Outcome, TrialSpec

DATA = "f00df00d"


@pytest.fixture
def folder(tmp_path) -> StudyFolder:
    (tmp_path / "tiny").mkdir()
    return StudyFolder(tmp_path / "tiny")


@pytest.fixture
def study(tiny_file):
    return lambda *overrides: load_study(tiny_file, overrides=list(overrides), quick=False)


def claim(folder: StudyFolder, study: StudySettings, *, data: str, go_on: bool = False) -> list[str]:
    conditions = of_workers(study, workers=1, threads=1)
    return folder.claim(study, data=data, conditions=conditions, go_on=go_on)


def train(folder: StudyFolder, phase: str = "search") -> None:
    """One trial of the phase, as it ended."""
    spec = TrialSpec("search-0000", Label(phase, number=0), 0, {"learning_rate": 0.1})
    Journal(folder.journal).append(Entry(spec, Outcome(spec.trial, "finished", score=0.5), (), ""))


def test_a_changed_study_is_refused_with_every_difference(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    assert claim(folder, study(), data=DATA) == []
    for go_on in (False, True):
        with pytest.raises(StudyError, match=r"training.epochs 3 → 9\n.*--fresh"):
            claim(folder, study("training.epochs=9"), data=DATA, go_on=go_on)
        with pytest.raises(
            StudyError, match=r"training.epochs 3 → 9: the finished trials.*\n  ablation.seeds 2 → 3: can continue"
        ):
            claim(folder, study("training.epochs=9", "ablation.seeds=3"), data=DATA, go_on=go_on)
    assert claim(folder, study(), data=DATA) == []


def test_a_change_that_allows_it_is_taken_when_asked_and_remembered(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    with pytest.raises(StudyError, match=r"ablation.seeds 2 → 3\n  --continue resumes"):
        claim(folder, study("ablation.seeds=3"), data=DATA)
    assert claim(folder, study("ablation.seeds=3"), data=DATA, go_on=True) == ["ablation.seeds 2 → 3"]
    assert claim(folder, study("ablation.seeds=3"), data=DATA) == []
    assert claim(folder, study("ablation.seeds=3", "search.trials=6"), data=DATA, go_on=True) == ["search.trials 4 → 6"]
    assert folder.notes() == ["ablation.seeds 2 → 3", "search.trials 4 → 6"]


def test_how_far_the_study_has_come_is_read_from_the_folder(folder, study):
    claim(folder, study(), data=DATA)
    train(folder, "tune")
    with pytest.raises(StudyError, match="trials of the old comparisons have ended"):
        claim(folder, study("ablation.seeds=3"), data=DATA, go_on=True)
    folder.frozen.write_text("{}")
    with pytest.raises(StudyError, match="preregistered before the test set was read"):
        claim(folder, study("ablation.seeds=3"), data=DATA, go_on=True)


def test_words_and_bounds_are_taken_without_asking(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    assert claim(folder, study("title=Another", "limits.trial_minutes=5", "retries.killed=0"), data=DATA) == []
    assert 'title = "Another"' in folder.study_file.read_text()


def test_before_the_first_trial_any_change_is_taken_and_what_was_asked_for_forgotten(folder, study):
    claim(folder, study(), data=DATA)
    (folder.path / "search.db.bak").write_text("mine")
    for name in ("search.db", "search.db-journal"):
        (folder.path / name).write_text("asked")
    claim(folder, study(), data=DATA)
    assert folder.search_storage.exists()
    assert claim(folder, study("seed=5"), data="other") == []
    assert sorted(path.name for path in folder.path.iterdir()) == ["begun.json", "search.db.bak", "study.toml"]
    assert "seed = 5" in folder.study_file.read_text()


def test_a_study_that_was_refused_before_its_first_trial_is_taken_once_it_is_mended(folder, study):
    claim(folder, study(), data=DATA)
    folder.frozen.write_text("{}")  # without a search, comparisons are declared before a worker refuses the model
    assert claim(folder, study("training.epochs=9"), data=DATA) == []
    assert not folder.frozen.exists()


def test_an_attempt_that_began_and_a_line_that_cannot_be_read_are_results_to_go_on_from(folder, study):
    claim(folder, study(), data=DATA)
    spec = TrialSpec("ablation-0", Label("ablation"), 0, {"learning_rate": 0.1})
    Journal(folder.journal).begin(spec, at=1)
    with pytest.raises(StudyError, match=r"training\.epochs 3 → 9"):
        claim(folder, study("training.epochs=9"), data=DATA)
    folder.journal.write_text("half a li")
    with pytest.raises(StudyError, match=r"training\.epochs 3 → 9"):
        claim(folder, study("training.epochs=9"), data=DATA)


def test_other_data_are_refused_and_other_code_of_the_user_is_taken_where_it_is_asked_for(folder, study, tmp_path):
    (tmp_path / "mine.py").write_text("def build(): ...")
    own = study().model_copy(update={"model": ModelRef.of("mine.py:build")})
    claim(folder, own, data=DATA)
    train(folder)
    with pytest.raises(StudyError, match="the data: fingerprint f00df00d → beef"):
        claim(folder, own, data="beef", go_on=True)
    (tmp_path / "mine.py").write_text("def build(): return 1")
    with pytest.raises(
        StudyError,
        match=r"mine\.py \(or a file it imports\) has changed since the finished trials ran\n  --continue resumes",
    ):
        claim(folder, own, data=DATA)
    assert claim(folder, own, data=DATA, go_on=True) == [
        "mine.py (or a file it imports) has changed since the finished trials ran"
    ]
    assert folder.notes() == ["mine.py (or a file it imports) has changed since the finished trials ran"]


def test_the_changes_are_told_without_a_claim_and_none_before_the_first_trial(folder, study):
    here = of_workers(study(), workers=1, threads=1)
    claim(folder, study(), data=DATA)
    assert folder.changes(study(), data="beef", conditions=here) == []
    train(folder)
    before = folder.basis.read_text()
    assert [one.change for one in folder.changes(study(), data="beef", conditions=here)] == [
        "the data: fingerprint f00df00d → beef"
    ]
    assert folder.changes(study(), data=DATA, conditions=here) == []
    assert folder.basis.read_text() == before


def test_other_versions_are_allowed_noted_once_and_kept(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    folder.basis.write_text(folder.basis.read_text().replace('"keras": "', '"keras": "0.'))
    (note,) = claim(folder, study(), data=DATA)
    assert note.startswith("the study was started with keras 0.")
    assert claim(folder, study(), data=DATA) == []
    assert folder.notes() == [note]


def test_other_threads_and_flags_are_allowed_and_noted(folder, study):
    here = of_workers(study(), workers=1, threads=1)
    folder.claim(study(), data=DATA, conditions=replace(here, threads=2, flags={}))
    train(folder)
    now = replace(here, flags={"XLA_FLAGS": "--xla"})
    rounding = "numbers may differ, by rounding or more"
    assert folder.claim(study(), data=DATA, conditions=now) == [
        f"the study was started with XLA_FLAGS unset and continues with --xla: {rounding}",
        f"the study was started with 2 threads per worker and continues with 1: {rounding}",
    ]
    assert folder.claim(study(), data=DATA, conditions=now) == []


def test_what_an_older_version_did_not_record_is_no_change(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    begun = json.loads(folder.basis.read_text())
    older = {name: begun[name] for name in ("model", "data", "package", "notes")}
    older["versions"] = {name: begun["versions"][name] for name in ("tensorflow", "keras", "numpy")}
    folder.basis.write_text(json.dumps(older))
    assert claim(folder, study(), data=DATA) == []
    assert json.loads(folder.basis.read_text()) == begun


def test_results_of_older_versions_are_taken_as_they_are(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    folder.basis.unlink()
    assert claim(folder, study(), data="other") == []
    folder.study_file.unlink()
    assert claim(folder, study("training.epochs=9"), data="other") == []


@pytest.mark.parametrize("spoilt", [b"seed = ", b"\xff\xfe\x00"])
def test_a_damaged_study_file_is_said(folder, study, spoilt):
    claim(folder, study(), data=DATA)
    train(folder)
    folder.study_file.write_bytes(spoilt)
    with pytest.raises(StudyError, match=r"study.toml: is damaged(.|\n)*--fresh"):
        claim(folder, study(), data=DATA)


def test_a_fresh_start_keeps_the_results_under_another_name(folder):
    begun(folder)
    names = set()
    for _ in range(3):  # within a second
        with folder.lock(fresh=True) as held:
            assert (held.set_aside / "results.csv").read_text() == "x"
            assert not (held.set_aside / ".owner").exists()
            names.add(held.set_aside)
            begun(folder)
    assert len(names) == 3
    for file in (folder.results, folder.basis):
        file.unlink()
    with folder.lock(fresh=True) as held:
        assert held.set_aside is None


def begun(folder):
    """As a study leaves its folder."""
    folder.results.write_text("x")
    folder.basis.write_text("{}")


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", ["results.csv", "study.toml", "report.html", "search.db", "trials.jsonl"])
def test_a_folder_with_a_file_that_a_study_would_write_over_is_refused_and_left_as_it_is(folder, name, fresh):
    (folder.path / name).write_text("mine")
    (folder.path / "notes.txt").write_text("mine, too")
    before = state_of(folder.path.parent)
    with (
        pytest.raises(AblateError, match=f"holds {name}, which ablate did not write\n.*--out"),
        folder.lock(fresh=fresh),
    ):
        pass
    assert state_of(folder.path.parent) == before


def test_a_fresh_start_beside_somebody_s_notes_leaves_them_where_they_are(folder):
    (folder.path / "notes.txt").write_text("mine")
    with folder.lock(fresh=True) as held:
        assert held.set_aside is None
    assert (folder.path / "notes.txt").read_text() == "mine"


def test_a_fresh_start_of_a_study_that_runs_is_refused_and_moves_nothing(folder):
    begun(folder)
    with (
        folder.lock(),
        pytest.raises(AblateError, match=r"another process is running this study \(pid \d+ on"),
        folder.lock(fresh=True),
    ):
        pass
    assert [path.name for path in folder.path.parent.iterdir() if path.name.startswith("tiny~")] == []
    with folder.lock() as held:
        assert (held.set_aside, held.notes) == (None, ())


def test_what_a_process_that_died_has_left_is_swept_and_said(folder):
    mine = name_aside(folder.path, "c").name
    other = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead = mine.replace(f"-{os.getpid()}-", f"-{other.stdout.strip()}-")
    (folder.path / "figures").mkdir()
    for name in (dead, f"figures/{dead}", mine):
        (folder.path / name).touch()
    (folder.path / ".owner").write_text("pid 7 on node, since yesterday")
    with folder.lock() as held:
        assert held.notes == (
            "the earlier process (pid 7 on node, since yesterday) crashed; resuming from its saved trials",
        )
    assert sorted(path.name for path in folder.path.rglob("*") if path.is_file()) == [
        mine,
        ".lock",
    ]


def test_results_beside_the_key_and_the_socket_that_an_older_version_left_are_gone_on_with(folder, study):
    claim(folder, study(), data=DATA)
    train(folder)
    (folder.path / ".door.json").write_text('{"address": "/tmp/gone/door", "key": "c0ffee", "pid": 7}')
    with socket.socket(socket.AF_UNIX) as door, chdir(folder.path):
        door.bind("door")  # a socket's whole path may have a hundred bytes only
    with folder.lock() as held:
        assert (held.set_aside, held.notes) == (None, ())
        assert claim(folder, study(), data=DATA) == []
        assert len(Journal(folder.journal).known()) == 1


def test_places_that_cannot_be_a_folder_are_said_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    places = {"file": "a file is in the place of a folder", "file/x": "a file is in the place of a folder",
              "x" * 300: "File name too long"}  # fmt: skip
    for name, reason in places.items():
        with pytest.raises(AblateError) as refused, StudyFolder(tmp_path / name).lock():
            pass
        assert (
            str(refused.value) == f"{tmp_path / name}: cannot be written: {reason}\n  choose another folder with --out"
        )


@contextmanager
def mounted(place: Path, options: str):
    """A small file system in memory, where this machine lets one be mounted."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def mount_or_skip() -> None:
    if platform.system() != "Linux" or os.geteuid() != 0:
        pytest.skip("mounting takes Linux and root")


@pytest.mark.slow
def test_a_read_only_and_a_full_file_system_are_said_with_the_way_out(tmp_path, study):
    mount_or_skip()
    with mounted(tmp_path / "disk", "size=64k"):
        folder = StudyFolder(tmp_path / "disk" / "reports" / "tiny")
        with folder.lock():
            claim(folder, study(), data=DATA)
            with pytest.raises(OSError, match="No space"):
                (folder.path / "filler").write_bytes(b"x" * 100_000)
            before = folder.study_file.read_bytes()
            with pytest.raises(AblateError, match="No space left on device\n  choose another folder with --out"):
                claim(folder, study("title=Another"), data=DATA)
            assert folder.study_file.read_bytes() == before
            assert list(folder.path.glob(f"{ASIDE}*")) == []
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        for place in (folder, StudyFolder(tmp_path / "disk" / "new")):
            with pytest.raises(AblateError, match="Read-only file system\n  choose another folder"), place.lock():
                pass
