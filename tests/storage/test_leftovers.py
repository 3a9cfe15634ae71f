import os
import time

import pytest
from folder_state import state_of

from ablate.storage.files.lock import FolderLock
from ablate.storage.files.trimming import CacheLimit
from ablate.storage.leftovers import find_leftovers, to_trim, trim

NOW = time.time()
DAY = 86400.0


def put(path, *, age=0.0, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age * DAY,) * 2)
    return path


@pytest.fixture
def out(tmp_path):
    cache = tmp_path / "reports" / ".cache"
    put(cache / "trials" / "ab" / f"{'ab' * 32}.json", age=9)
    put(cache / "trials" / "cd" / f"{'cd' * 32}.json")
    put(cache / "lr_tests" / "0a73e2a4b8d4233d.json", age=9)
    put(cache / "lr_tests" / "0a73e2a4b8d4233d-2-parts.json")
    put(cache / "pretrained" / f"{'0a' * 16}.npz", age=9)
    for record in ("test_reads/ab/abcd.json", "preregistered/abcd.json", "ways/xla-abcd.json"):
        put(cache / record, age=99)
    put(cache / "trials" / "mine.txt", age=99)
    put(tmp_path / "reports" / "mine" / "models" / "search-0001.keras", age=2)
    put(tmp_path / "reports" / "old~2026-11-30-101010" / "trials.jsonl").write_text('{"spec": 1}')
    (tmp_path / "programs").mkdir(mode=0o700)
    for name, age in (("0123456789abcdef", 9), ("fedcba9876543210", 0)):
        put(tmp_path / "programs" / name / "jit_f-cache")
        os.utime(tmp_path / "programs" / name, (NOW - age * DAY,) * 2)
    return tmp_path / "reports"


def found_in(out):
    return find_leftovers(out, environ={"ABLATE_PROGRAM_CACHE": str(out.parent / "programs")})


def removed(found, limit, *, old=False):
    chosen = to_trim(found, limit, now=NOW, old=old)
    return sorted(one.path.name[:4] for one in (*chosen.files, *chosen.programs, *chosen.old))


def test_everything_is_found_and_nothing_is_changed_by_looking(out):
    before = state_of(out.parent)
    found = found_in(out)
    assert {name: len(files) for name, files in found.cache.items()} == {"trials": 2, "lr_tests": 2, "pretrained": 1}
    assert len(found.records) == 3
    assert len(found.programs) == 2
    assert [old.path.name for old in found.old] == ["old~2026-11-30-101010"]
    assert list(found.models) == ["mine"]
    assert found.running == []
    assert state_of(out.parent) == before
    assert find_leftovers(out / "nowhere", environ={}).cached == []


def test_only_what_is_beyond_the_limits_goes_and_old_results_only_if_asked_for(out):
    found = found_in(out)
    assert removed(found, CacheLimit()) == []
    assert removed(found, CacheLimit(None, NOW - 5 * DAY)) == ["0123", "0a0a", "0a73", "abab"]
    assert removed(found, CacheLimit(50)) == []
    assert len(removed(found, CacheLimit(20))) == 3
    assert removed(found, CacheLimit(), old=True) == ["old~"]


def test_records_models_and_files_of_the_users_own_survive_the_narrowest_limit(out):
    found = found_in(out)
    gone = trim(to_trim(found, CacheLimit(0, NOW + DAY), now=NOW, old=True))
    assert (len(gone.files), len(gone.programs), len(gone.old)) == (5, 1, 1)
    left = {str(path.relative_to(out.parent)) for path in out.parent.rglob("*") if path.is_file()}
    assert left == {
        "reports/.cache/test_reads/ab/abcd.json", "reports/.cache/preregistered/abcd.json",
        "reports/.cache/ways/xla-abcd.json", "reports/.cache/trials/mine.txt",
        "reports/mine/models/search-0001.keras", "programs/fedcba9876543210/jit_f-cache",
    }  # fmt: skip


def test_nothing_of_the_cache_goes_while_a_study_runs_beside_it(out):
    held = FolderLock(out / "mine")
    found = found_in(out)
    held.release()
    assert found.running == ["mine"]
    assert to_trim(found, CacheLimit(0), now=NOW, old=False).files == []


def test_a_cache_that_is_a_link_is_left_alone(out):
    (out / ".cache").rename(out.parent / "elsewhere")
    (out / ".cache").symlink_to(out.parent / "elsewhere")
    found = found_in(out)
    assert (found.cached, found.records) == ([], [])
