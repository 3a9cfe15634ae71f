import pytest

from ablate.errors import DataError
from ablate.storage.files.atomic import read_json


def test_what_is_not_there_is_what_is_taken_otherwise(tmp_path):
    assert read_json(tmp_path / "x.json", otherwise=[]) == []
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "x.json", otherwise=[]) == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"[{]", b"\xff\xfe\0", b"[" * 100_000, b"9" * 5000, rb'"half of a pair: \ud800"', b'{"a": ' * 50_000],
)
def test_what_cannot_be_read_or_written_again_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json: is no JSON: .*\n  delete it"):
        read_json(path, otherwise={})
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_json(tmp_path, otherwise={})
