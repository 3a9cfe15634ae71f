import os
from pathlib import Path

import pytest

from ablate.storage.conditions import model_digest
from ablate.storage.files.atomic import name_aside
from ablate.study.model_ref import ModelRef
from ablate.workers.cluster.shipment import cache_files, moved, read_files, with_code, write_missing, write_over
from ablate.workers.messages import WorkerTask


def made(folder: Path, name: str, content: bytes, *, age: float = 0.0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_a_caches_files_go_by_name_the_newest_first_as_far_as_the_bytes_reach(tmp_path):
    made(tmp_path, "ways/a.json", b"old", age=3)
    made(tmp_path, "pretrained/n.npz", b"x" * 8, age=2)
    made(tmp_path, "lr_tests/b.json", b"new", age=1)
    made(tmp_path, "trials/c.json", b"not a cache that is shared")
    made(tmp_path, "ways/inner/d.json", b"nor a folder")
    assert cache_files(tmp_path) == {"ways/a.json": b"old", "pretrained/n.npz": b"x" * 8, "lr_tests/b.json": b"new"}
    assert list(cache_files(tmp_path, most=6)) == ["lr_tests/b.json", "ways/a.json"]  # what fits, the newest first
    assert list(cache_files(tmp_path, but=frozenset({"lr_tests/b.json"}), most=8)) == ["pretrained/n.npz"]
    assert cache_files(tmp_path / "none") == {}


def test_files_that_are_still_written_do_not_go(tmp_path):
    made(tmp_path, "ways/a.json", b"whole")
    name_aside(tmp_path / "ways", "b").write_bytes(b"ha")
    (tmp_path / "ways" / "gone.json").symlink_to(tmp_path / "nowhere")
    assert cache_files(tmp_path) == {"ways/a.json": b"whole"}


def test_a_file_that_cannot_be_read_is_left_out(tmp_path):
    paths = [tmp_path / "gone", made(tmp_path, "a", b"1"), made(tmp_path, "b", b"22")]
    assert read_files(tmp_path, paths, most=9) == {"a": b"1", "b": b"22"}
    assert read_files(tmp_path, paths, most=2) == {"a": b"1"}


def test_of_two_choices_the_first_counts_and_of_two_attempts_the_last(tmp_path):
    made(tmp_path, "ways/a.json", b"first")
    write_missing(tmp_path, {"ways/a.json": b"second", "lr_tests/b.json": b"b"})
    assert cache_files(tmp_path) == {"ways/a.json": b"first", "lr_tests/b.json": b"b"}
    write_over(tmp_path, {"ways/a.json": b"second"})
    assert (tmp_path / "ways/a.json").read_bytes() == b"second"


@pytest.mark.parametrize("write", [write_missing, write_over])
def test_names_that_climb_out_of_the_folder_are_ignored(write, tmp_path):
    folder = tmp_path / "cache"
    outside = ["../a", "ways/../../a", str(tmp_path / "a")]
    write(folder, {**dict.fromkeys(outside, b"no"), "ways/a": b"yes"})
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["cache/ways/a"]


def test_a_studys_code_is_found_in_its_folder_or_where_it_was_shipped(tiny_study, tmp_path, monkeypatch):
    model = ModelRef.of("mine.py:build")
    there, shipped, empty = (tmp_path / name for name in ("there", "shipped", "empty"))
    for folder, layers in ((there, 1), (shipped, 2)):
        made(folder, "mine.py", b"def build(factors, shape, classes): return %d" % layers)
    empty.mkdir()
    at_home, elsewhere = (tiny_study.model_copy(update={"model": model, "base": base}) for base in (there, empty))
    digest = model_digest(at_home)
    monkeypatch.chdir(shipped)
    assert with_code(at_home, digest).base == there
    assert with_code(elsewhere, model_digest(at_home.model_copy(update={"base": shipped}))).base == shipped
    assert with_code(elsewhere, digest).base == empty  # neither: it is left out elsewhere
    assert with_code(tiny_study, "") == tiny_study


def test_without_the_drivers_disk_all_is_in_the_machines_own_folder(tiny_study, tmp_path):
    home, folder = Path("reports/tiny"), tmp_path / "node"
    task = WorkerTask(
        tiny_study, home, cache=home / "cache", threads=2, log=home / "worker", folders=home / "trials", kept_in=home
    )
    here = moved(task, study=tiny_study, folder=folder, arrays=folder / "digits")
    assert (here.arrays, here.cache, here.log_of(3)) == (folder / "digits", folder / "cache", folder / "worker-3.log")
    assert (here.kept_in, here.trial_folders()) == (folder / "study", folder / "study" / "trials")
    bare = moved(WorkerTask(tiny_study, home, None, 2, home / "worker"), study=tiny_study, folder=folder, arrays=home)
    assert (bare.cache, bare.kept_in, bare.folders) == (None, None, None)
