from datetime import datetime

import pytest

from ablate.storage.files.lock import FolderLock, is_held
from ablate.storage.folder import StudyFolder
from ablate.storage.old_results import old_results, remove_old


def study(folder):
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text('{"ablate_version": "0.1.0"}')
    for name in ("results.csv", "trials.jsonl", "worker-0.log", ".lock", "search.db"):
        (folder / name).write_text("")
    for path in ("figures/effects.svg", "tables/a.csv", "models/a.keras", "trials/a/deep/anything.bin"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x" * 10)
    return folder


def test_what_fresh_sets_aside_is_found_and_removed(tmp_path):
    now = study(tmp_path / "mine")
    with StudyFolder(now).lock(fresh=True) as held:
        aside = held.set_aside
    (found,) = old_results(tmp_path)
    assert (found.path, found.against) == (aside, "")
    assert abs((datetime.now() - found.at).total_seconds()) < 60
    assert found.n_bytes > 40
    assert remove_old(found)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["mine", "mine~backup", "mine~2026-13-40-101010", "~2026-11-30-101010"])
def test_a_folder_of_another_name_is_none(tmp_path, name):
    study(tmp_path / name)
    assert old_results(tmp_path) == []


def test_a_folder_that_ablate_did_not_write_or_a_link_is_none(tmp_path):
    (tmp_path / "a~2026-11-30-101010").mkdir()
    (tmp_path / "a~2026-11-30-101010" / "results.csv").write_text("")
    (tmp_path / "b~2026-11-30-101010").symlink_to(study(tmp_path / "elsewhere"))
    assert old_results(tmp_path) == []
    assert old_results(tmp_path / "nowhere") == []


@pytest.mark.parametrize("foreign", ["notes.txt", "figures/photo.png", "models/deep/a.keras", "mine/a.csv"])
def test_a_folder_with_a_file_of_the_users_own_stays(tmp_path, foreign):
    folder = study(tmp_path / "mine~2026-11-30-101010")
    (folder / foreign).parent.mkdir(exist_ok=True)
    (folder / foreign).write_text("mine")
    (found,) = old_results(tmp_path)
    assert found.against.endswith("which ablate did not write")
    assert not remove_old(found)
    assert (folder / foreign).read_text() == "mine"
    assert (folder / "results.csv").exists()


def test_a_folder_with_a_link_stays_and_so_does_what_it_leads_to(tmp_path):
    folder, other = study(tmp_path / "mine~2026-11-30-101010"), tmp_path / "other"
    other.mkdir()
    (other / "a").write_text("mine")
    (folder / "trials" / "link").symlink_to(other)
    (found,) = old_results(tmp_path)
    assert not remove_old(found)
    assert (other / "a").read_text() == "mine"


def test_a_folder_that_a_process_holds_stays(tmp_path):
    folder = study(tmp_path / "mine~2026-11-30-101010")
    (before,) = old_results(tmp_path)
    held = FolderLock(folder)
    assert is_held(folder)
    (found,) = old_results(tmp_path)
    assert found.against == "a process is using it"
    assert not remove_old(before)
    held.release()
    assert not is_held(folder)
    assert remove_old(before)


def test_a_folder_whose_holder_died_is_not_held(tmp_path):
    (tmp_path / ".owner").write_text("pid 1 on here")
    assert is_held(tmp_path)  # nothing to tell by
    (tmp_path / ".lock").write_text("")
    assert not is_held(tmp_path)
    (tmp_path / ".owner").unlink()
    assert not is_held(tmp_path)
