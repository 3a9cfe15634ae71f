import io
import sys
import time

import pytest

from ablate.cli.commands import DONE, UNFINISHED, gc
from ablate.errors import AblateError
from ablate.storage.files.lock import FolderLock


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATE_PROGRAM_CACHE", "off")
    for n in range(3):
        path = tmp_path / ".cache" / "trials" / f"0{n}" / f"0{n}{'a' * 62}.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 2**20)
    old = tmp_path / "mine~2026-11-30-101010"
    old.mkdir()
    (old / "trials.jsonl").write_text('{"spec": 1}')
    return tmp_path


def said(capsys, out, *, trim=False, size=2.0, days=None, old=False, yes=False):
    code = gc.run(gc.GcArguments(out, trim, size, days, old, yes))
    return code, capsys.readouterr().out


def test_without_trim_it_only_shows_and_says_what_would_go(capsys, out):
    code, text = said(capsys, out, size=0.002)
    assert code == DONE
    assert "cached trials  3  3.0 MB  used a minute ago" in text
    assert "old results    1" in text
    assert "old results stay unless --old-results is given" in text
    assert "ablate gc --trim with the same options removes 1 file of the cache, 1.0 MB" in text
    assert len(list(out.glob(".cache/trials/*/*"))) == 3


def test_by_default_nothing_is_beyond_the_limits(capsys, out):
    assert "nothing to remove beyond these limits" in said(capsys, out, trim=True)[1]


def test_with_yes_it_removes(capsys, out):
    code, text = said(capsys, out, trim=True, size=0, old=True, yes=True)
    assert code == DONE
    assert "removed 3 files of the cache and 1 folder of old results, 3.0 MB" in text
    assert list(out.glob(".cache/trials/*/*")) == []
    assert not (out / "mine~2026-11-30-101010").exists()


def test_where_nobody_can_be_asked_it_refuses(capsys, out, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(AblateError, match="add --yes"):
        said(capsys, out, trim=True, size=0)
    assert len(list(out.glob(".cache/trials/*/*"))) == 3


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("yes", 0), ("", 3), ("n", 3), (None, 3)])
def test_on_a_terminal_it_asks(capsys, out, monkeypatch, answer, left):
    def reply(question):
        assert question == "Remove 3 files of the cache, 3.0 MB? [y/N] "
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", reply)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    said(capsys, out, trim=True, size=0)
    assert len(list(out.glob(".cache/trials/*/*"))) == left


def test_what_could_not_be_removed_is_told(capsys, out, monkeypatch):
    monkeypatch.setattr("ablate.storage.leftovers.remove_files", lambda files: list(files)[:1])
    code, text = said(capsys, out, trim=True, size=0, yes=True)
    assert code == UNFINISHED
    assert "removed 1 file of the cache, 1.0 MB" in text
    assert "2 items not removed" in text


def test_a_running_study_keeps_the_cache(capsys, out):
    held = FolderLock(out / "mine")
    text = said(capsys, out, trim=True, size=0, yes=True)[1]
    held.release()
    assert "the cache stays as it is while a study runs here: mine" in text
    assert len(list(out.glob(".cache/trials/*/*"))) == 3


def test_what_was_not_used_for_days_goes(capsys, out):
    assert "nothing to remove" in said(capsys, out, days=1)[1]
    time.sleep(0.01)
    assert "removes 3 files" in said(capsys, out, days=0)[1]


def test_an_empty_folder_has_nothing(capsys, tmp_path):
    assert "no cache, old results or kept models" in said(capsys, tmp_path / "nowhere")[1]
