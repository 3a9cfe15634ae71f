import json

import pytest
from pydantic import TypeAdapter

from ablate.storage.files import kept
from ablate.storage.files.kept import keep, load_kept

NUMBERS = TypeAdapter(dict[str, int])


def test_what_is_kept_is_loaded(tmp_path):
    path = tmp_path / "a" / "b.json"
    assert load_kept(path, NUMBERS) is None
    keep(path, json.dumps({"a": 1}))
    assert load_kept(path, NUMBERS) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["b.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"a": ', b"null", b'{"a": "1"}', b'{"a": 1.5}', b"\xff\xfe", b"[" * 10_000, b'{"a": 1}' + b" " * 99],
)
def test_what_is_damaged_foreign_or_too_large_counts_as_not_there(tmp_path, content, monkeypatch):
    monkeypatch.setattr(kept, "MAX_BYTES", 50 if content.endswith(b" ") else 10**6)
    path = tmp_path / "b.json"
    path.write_bytes(content)
    assert load_kept(path, NUMBERS) is None


def test_a_place_that_cannot_be_read_or_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "b.json", tmp_path, tmp_path / ("x" * 300)):
        keep(path, "{}")
        assert load_kept(path, NUMBERS) is None
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MAX_BYTES", 5)
    keep(tmp_path / "b.json", "123456")
    assert list(tmp_path.iterdir()) == []
