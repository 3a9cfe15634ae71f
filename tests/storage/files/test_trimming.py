import os
import time

import pytest
from pydantic import TypeAdapter

from ablate.storage.files.kept import USE_SECONDS, load_kept
from ablate.storage.files.trimming import CacheFile, CacheLimit, files_in, remove_files, surplus


def put(path, *, size=10, age=0.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def all_in(folder, depth=0):
    return list(files_in(folder, lambda name: name.endswith(".json"), depth=depth))


def names(files):
    return [file.path.name for file in files]


def test_only_plain_files_of_known_names_are_found(tmp_path):
    put(tmp_path / "a" / "1.json")
    put(tmp_path / "a" / "mine.txt")
    put(tmp_path / "a" / "b" / "2.json")
    put(tmp_path / "elsewhere" / "3.json")
    (tmp_path / "a" / "link.json").symlink_to(tmp_path / "elsewhere" / "3.json")
    (tmp_path / "a" / "linked").symlink_to(tmp_path / "elsewhere")
    assert names(all_in(tmp_path / "a")) == ["1.json"]
    assert names(all_in(tmp_path / "a", depth=1)) == ["1.json", "2.json"]
    assert all_in(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("limit", "gone"),
    [
        (CacheLimit(), []),
        (CacheLimit(30), []),
        (CacheLimit(29), ["old"]),
        (CacheLimit(0), ["old", "middle", "new"]),
        (CacheLimit(None, 2.0), ["old"]),
        (CacheLimit(15, 2.0), ["old", "middle"]),
    ],
)
def test_what_was_used_longest_ago_goes_first(tmp_path, limit, gone):
    files = [CacheFile(tmp_path / name, 10, used) for name, used in (("middle", 2.0), ("old", 1.0), ("new", 3.0))]
    assert names(surplus(files, limit)) == gone


def test_a_small_file_does_not_outlive_a_larger_one_that_was_used_after_it(tmp_path):
    files = [CacheFile(tmp_path / "small", 1, 1.0), CacheFile(tmp_path / "large", 100, 2.0)]
    assert names(surplus(files, CacheLimit(50))) == ["large", "small"][::-1]


def test_a_file_that_was_used_or_replaced_meanwhile_stays(tmp_path):
    used, replaced, gone, resting = (put(tmp_path / f"{n}.json", age=9e5) for n in range(4))
    found = all_in(tmp_path)
    os.utime(used)
    replaced.unlink()
    replaced.symlink_to(used)
    gone.unlink()
    assert [file.path for file in remove_files(found)] == [resting]
    assert used.exists()
    assert replaced.is_symlink()


def test_reading_a_file_counts_as_its_use_to_the_hour(tmp_path):
    path = put(tmp_path / "1.json")
    path.write_text("1")
    for age, is_marked in ((USE_SECONDS / 2, False), (2 * USE_SECONDS, True)):
        before = time.time() - age
        os.utime(path, (before, before))
        assert load_kept(path, TypeAdapter(int)) == 1
        assert (path.stat().st_mtime > before + 60) is is_marked


def test_a_file_that_is_no_record_is_not_marked_as_used(tmp_path):
    path = put(tmp_path / "1.json", age=2 * USE_SECONDS)
    before = path.stat().st_mtime
    assert load_kept(path, TypeAdapter(int)) is None
    assert path.stat().st_mtime == before
