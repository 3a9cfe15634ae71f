import os
import stat
import time
import warnings

import numpy as np
import pytest
from backends import jax_only

from ablate import system
from ablate.storage.program_cache import (
    MOST_MACHINES,
    clear,
    fault_of_program_cache,
    open_program_cache,
    program_folders,
    remove_programs,
)


@pytest.fixture
def environ(tmp_path):
    return {"ABLATE_PROGRAM_CACHE": str(tmp_path / "programs")}


def test_the_folder_is_the_users_alone(environ, tmp_path):
    folder = open_program_cache(1, environ=environ)
    assert folder.parent == tmp_path / "programs"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_lies_in_the_users_cache_by_default(tmp_path):
    folder = open_program_cache(1, environ={"XDG_CACHE_HOME": str(tmp_path)})
    assert folder.parent == tmp_path / "ablate" / "programs"


def test_it_can_be_switched_off():
    assert open_program_cache(1, environ={"ABLATE_PROGRAM_CACHE": "off"}) is None


def test_programs_of_other_threads_processors_or_releases_lie_elsewhere(environ, monkeypatch):
    one = open_program_cache(1, environ=environ)
    assert open_program_cache(1, environ=environ) == one
    others = {open_program_cache(2, environ=environ), open_program_cache(None, environ=environ)}
    monkeypatch.setattr(system, "usable_cores", lambda: 64)
    others.add(open_program_cache(1, environ=environ))
    monkeypatch.setattr(system, "versions", lambda: {"jax": "0.99", "jaxlib": "0.99"})
    others.add(open_program_cache(1, environ=environ))
    assert len(others - {one}) == 4


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_not_used(environ, tmp_path, mode):
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs").chmod(mode)
    assert open_program_cache(1, environ=environ) is None


def test_a_link_to_a_folder_is_not_used(environ, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "programs").symlink_to(tmp_path / "elsewhere")
    assert open_program_cache(1, environ=environ) is None


def test_a_place_where_no_folder_can_be_is_not_used(tmp_path):
    (tmp_path / "file").write_text("")
    assert open_program_cache(1, environ={"ABLATE_PROGRAM_CACHE": str(tmp_path / "file" / "programs")}) is None


def test_the_folders_used_last_are_kept(environ, tmp_path):
    folders = [open_program_cache(n, environ=environ) for n in range(1, MOST_MACHINES + 1)]
    for age, folder in enumerate(folders):
        os.utime(folder, (time.time() - 100 + age,) * 2)
    newest = open_program_cache(99, environ=environ)
    assert sorted(path for path in (tmp_path / "programs").iterdir()) == sorted([*folders[1:], newest])


def test_folders_of_the_users_own_in_a_folder_that_he_named_stay(environ):
    root = open_program_cache(1, environ=environ).parent
    for number in range(2 * MOST_MACHINES):
        (root / f"my photos {number}").mkdir()
        (root / f"my photos {number}" / "a.jpg").write_bytes(b"x")
    open_program_cache(2, environ=environ)
    assert len(list(root.glob("my photos */a.jpg"))) == 2 * MOST_MACHINES


def test_the_programs_of_a_machine_are_listed_and_removed_without_other_files(environ):
    one, other = (open_program_cache(n, environ=environ) for n in (1, 2))
    for name in ("jit_f-12-cache", "jit_f-12-atime", ".lockfile"):
        (one / name).write_bytes(b"x" * 10)
        (other / name).write_bytes(b"x" * 10)
    (other / "mine.txt").write_text("notes")
    os.utime(one, (time.time() - 100,) * 2)
    assert [(found.path, found.n_bytes) for found in program_folders(environ=environ)] == [(other, 30), (one, 30)]
    assert remove_programs(one)
    assert not remove_programs(other)
    assert [path.name for path in other.iterdir()] == ["mine.txt"]


def test_a_cache_that_is_off_or_not_the_users_alone_lists_nothing(environ, tmp_path):
    assert program_folders(environ={"ABLATE_PROGRAM_CACHE": "off"}) == []
    assert program_folders(environ=environ) == []
    open_program_cache(1, environ=environ)
    (tmp_path / "programs").chmod(0o777)
    assert program_folders(environ=environ) == []


@pytest.fixture
def kept_by_jax(tmp_path, monkeypatch):
    """A folder in which JAX keeps programs inside the test."""
    import jax

    from ablate.training.engine.backend import jax as backend

    settings = {
        "jax_compilation_cache_dir": str(tmp_path / "kept"),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    reset = jax.experimental.compilation_cache.compilation_cache.reset_cache
    reset()
    monkeypatch.setattr(backend, "programs_kept", lambda: tmp_path / "kept")
    yield tmp_path / "kept"
    for name, value in before.items():
        jax.config.update(name, value)
    reset()


@jax_only
@pytest.mark.parametrize("damage", ["truncated", "changed", "foreign"])
def test_a_damaged_program_is_compiled_again_and_replaced(kept_by_jax, damage):
    import jax

    from ablate.training.engine import backend

    def run():
        jax.clear_caches()
        x = backend.resident(np.arange(3.0), "float32")
        graph = backend.compiled(lambda x: x * 3 + 1, (x,), loose={}, xla=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.asarray(graph(x)).tolist()

    assert run() == [1, 4, 7]
    programs = list(kept_by_jax.glob("jit__lambda*-cache"))
    assert programs
    for path in programs:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes({"truncated": content[:99], "changed": content, "foreign": b"not a program"}[damage])
    assert run() == [1, 4, 7]
    assert run() == [1, 4, 7]
    assert {path.name for path in kept_by_jax.glob("jit__lambda*-cache")} == {path.name for path in programs}
    assert all(len(path.read_bytes()) > 99 for path in programs)


def test_a_cache_is_emptied(tmp_path):
    (tmp_path / "program").write_bytes(b"x")
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_keeps_programs_from_being_kept_comes_with_its_repair(environ, tmp_path):
    root = tmp_path / "programs"
    assert fault_of_program_cache(environ={"ABLATE_PROGRAM_CACHE": "off"}) is None
    assert fault_of_program_cache(environ=environ) is None  # made by the first study
    open_program_cache(1, environ=environ)
    assert fault_of_program_cache(environ=environ) is None
    root.chmod(0o777)
    assert fault_of_program_cache(environ=environ)[1].startswith(f"chmod go-w {root}")
    root.rename(tmp_path / "elsewhere")
    root.symlink_to(tmp_path / "elsewhere")
    assert "is no folder" in fault_of_program_cache(environ=environ)[0]
    assert "ABLATE_PROGRAM_CACHE" in fault_of_program_cache(environ=environ)[1]
