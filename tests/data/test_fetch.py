"""`fetch_from_keras`: a process of its own, here with a Keras made for the test."""

from pathlib import Path

import pytest

from ablate.data.fetch import FetchError, fetch_from_keras
from ablate.data.npz import read_npz


@pytest.fixture
def keras(tmp_path, monkeypatch):
    """A package `keras` that goes before the real one; gives a function that sets what mnist.load_data does."""
    package = tmp_path / "keras"
    (package / "datasets").mkdir(parents=True)
    (package / "datasets" / "__init__.py").touch()
    (package / "__init__.py").write_text(
        "class config:\n    @staticmethod\n    def set_image_data_format(name): assert name == 'channels_last'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def load_data(*lines: str) -> None:
        body = "\n".join(f"    {line}" for line in lines)
        (package / "datasets" / "mnist.py").write_text(f"import socket\nimport numpy as np\ndef load_data():\n{body}\n")

    return load_data


def test_what_keras_loads_is_written_and_what_it_prints_is_not_seen(keras, tmp_path, capfd):
    keras(
        "print('Downloading data from somewhere')",
        "x, y = np.arange(8).reshape(2, 4), np.arange(2)",
        "return (x, y), (x + 1, y)",
    )
    path = tmp_path / "mnist.npz"
    fetch_from_keras("mnist", path)
    assert read_npz(path)["x_test"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_one_line_with_its_reason(keras, tmp_path):
    keras("raise Exception('URL fetch failure on https://example.org: None -- no network')")
    with pytest.raises(FetchError, match=r"^URL fetch failure on https://example\.org: None -- no network$"):
        fetch_from_keras("mnist", tmp_path / "mnist.npz")
    assert not Path(tmp_path / "mnist.npz").exists()


def test_waiting_for_the_network_is_bounded(keras, tmp_path):
    keras(
        "raise Exception(f'waits {socket.getdefaulttimeout():.0f} s')",
    )
    with pytest.raises(FetchError, match=r"^waits 10 s$"):
        fetch_from_keras("mnist", tmp_path / "mnist.npz")


def test_a_fetch_that_takes_too_long_is_ended(keras, tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.data.fetch.TOTAL_SECONDS", 0.5)
    monkeypatch.setattr("ablate.data.fetch._GRACE_SECONDS", 0.5)
    keras("import time", "time.sleep(60)")
    with pytest.raises(FetchError, match="not finished after"):
        fetch_from_keras("mnist", tmp_path / "mnist.npz")
