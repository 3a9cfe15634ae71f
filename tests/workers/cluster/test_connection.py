import inspect
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.storage.conditions import PACKAGE
from ablate.workers.cluster.address import JOB

ray = pytest.importorskip("ray")
from ablate.workers.cluster import connection as module  # noqa: E402  (needs Ray)
from ablate.workers.cluster.connection import ENVIRONMENT, connected  # noqa: E402

RAYS_THREAD = "ray_listen_error_messages"  # which prints what the cluster's machines complain of


class Ray:
    """A Ray that notes how it was called; `init` may fail."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}
        self.calls: list[str] = []
        self.fails: Exception | None = None

    def init(self, **asked: object) -> None:
        self.calls.append("init")
        self.asked = asked
        if self.fails is not None:
            raise self.fails

    def shutdown(self) -> None:
        self.calls.append("shutdown")


@pytest.fixture
def fake(monkeypatch) -> Ray:
    made = Ray()
    monkeypatch.setattr(module, "ray", made)
    for name in (*ENVIRONMENT, JOB, "RAY_OVERRIDE_JOB_RUNTIME_ENV"):
        monkeypatch.delenv(name, raising=False)
    return made


def connect(address: str = "auto", code: Path | None = None, *, on_cpu: bool = False) -> list[str]:
    said: list[str] = []
    with connected(address, code, on_cpu=on_cpu, on_notice=said.append):
        pass
    return said


def printing(text: str, *, thread: str) -> None:
    started = threading.Thread(target=lambda: print(text, end=""), name=thread)
    started.start()
    started.join()


def test_workers_get_the_code_and_the_variables_that_numbers_depend_on(fake, monkeypatch):
    for name, value in {"KERAS_BACKEND": "jax", "MKL_CBWR": "AVX", "XLA_FLAGS": "", "HOME": "/home/me"}.items():
        monkeypatch.setenv(name, value)
    connect(code=Path("/studies"))
    environment = fake.asked["runtime_env"]
    assert environment == {
        "py_modules": [str(PACKAGE)],
        "env_vars": {"KERAS_BACKEND": "jax", "MKL_CBWR": "AVX"},
        "working_dir": "/studies",
    }
    assert fake.calls == ["init", "shutdown"]


def test_on_processors_no_gpu_is_visible(fake):
    connect(on_cpu=True)
    assert fake.asked["runtime_env"] == {"py_modules": [str(PACKAGE)], "env_vars": {"CUDA_VISIBLE_DEVICES": "-1"}}


@pytest.mark.usefixtures("fake")
def test_inside_of_a_job_its_environment_is_merged(monkeypatch):
    connect()
    assert "RAY_OVERRIDE_JOB_RUNTIME_ENV" not in os.environ
    monkeypatch.setenv(JOB, "{}")
    monkeypatch.setenv("RAY_OVERRIDE_JOB_RUNTIME_ENV", "0")  # so that the end of the test removes it
    connect()
    assert os.environ["RAY_OVERRIDE_JOB_RUNTIME_ENV"] == "1"


@pytest.mark.parametrize(
    ("address", "err", "words"),
    [
        ("auto", ConnectionError("no address"), r"auto: this machine is in no cluster.*\n.*: ray start --head; other"),
        (
            "head:1",
            ConnectionError("timed out"),
            r"head:1: cannot connect: .*timed out\n  is it running there \(ray status\)\? One with a token needs",
        ),
        ("auto", RuntimeError("Version mismatch"), r"auto: cannot connect: .*Version mismatch"),
        (
            "head:1",
            RuntimeError("InvalidAuthToken"),
            r"head:1: the cluster asks for its token: .*\n.*RAY_AUTH_MODE=token, and",
        ),
    ],
)
def test_what_keeps_from_connecting_is_told_with_the_way_out(fake, address, err, words):
    fake.fails = err
    before = sys.stdout
    with pytest.raises(AblateError, match=f"^--cluster {words}"):
        connect(address)
    assert fake.calls == ["init"]
    assert sys.stdout is before


@pytest.mark.usefixtures("fake")
def test_what_rays_threads_print_becomes_notices_and_other_text_passes(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream := io.StringIO())
    said: list[str] = []
    with connected("auto", None, on_cpu=False, on_notice=said.append):
        printing('{"trial": 1}\n', thread="MainThread")
        printing("\x1b[36m(raylet)\x1b[0m a worker\x1b[2K died\n\n  on 10.0.0.5 \n", thread=RAYS_THREAD)
        sys.stdout.flush()  # the stream's own
    assert stream.getvalue() == '{"trial": 1}\n'
    assert [line.isprintable() for line in said] == [True, True]
    assert said[0].startswith("Ray: a worker")
    assert said[1] == "Ray: on 10.0.0.5"
    assert sys.stdout is stream


def test_an_error_inside_of_the_block_disconnects_and_gives_the_stream_back(fake):
    before = sys.stdout
    with pytest.raises(KeyError), connected("auto", None, on_cpu=False, on_notice=print):
        raise KeyError("a study")
    assert fake.calls == ["init", "shutdown"]
    assert sys.stdout is before


@pytest.mark.usefixtures("fake")
def test_ray_names_the_thread_that_prints_as_expected(monkeypatch):
    """Private to Ray: if this fails with a new release, look how it prints now, or lines of JSON will be mixed up."""
    from ray._private import worker

    assert RAYS_THREAD.startswith("ray_")
    assert callable(worker.listen_error_messages)
    assert f'name="{RAYS_THREAD}"' in inspect.getsource(worker.connect)
    assert "print_to_stdstream(" in inspect.getsource(worker.listen_error_messages)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    said: list[str] = []
    lines = {"lines": ["The node is short of memory."], "pid": "raylet", "is_err": False}
    with connected("auto", None, on_cpu=False, on_notice=said.append):
        thread = threading.Thread(target=worker.print_to_stdstream, args=(lines, False), name=RAYS_THREAD)
        thread.start()
        thread.join()
    assert said == ["Ray: The node is short of memory."]
    assert sys.stdout.getvalue() == ""
