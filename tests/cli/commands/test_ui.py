import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow_store import fresh_store
from survival.servers import free_port

from ablate.cli.commands import ui


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.1", "::1", "LOCALHOST"])
def test_on_this_machine_alone_nothing_is_warned_of(host):
    (line,) = ui.opening_lines(host, 5000)
    assert line == f"http://{f'[{host}]' if ':' in host else host}:5000   Ctrl-C stops"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", ""])
def test_whoever_listens_to_more_is_told_in_one_line(host):
    _, warning = ui.opening_lines(host, 5000)
    assert warning.startswith("Warning: anyone who reaches this address can read, change and delete the runs")
    assert "\n" not in warning


def test_each_experiment_has_an_address_that_opens_its_runs():
    assert ui.page_lines("::1", 5000, {"mine": "/#/a", "digits_mlp": "/#/b"}) == [
        "mine        http://[::1]:5000/#/a",
        "digits_mlp  http://[::1]:5000/#/b",
    ]
    assert ui.page_lines("localhost", 5000, {}) == []


def test_the_server_listens_to_this_machine_unless_told_and_keeps_its_own_checks(tmp_path, monkeypatch):
    """What is started, not started: MLflow's checks of hosts and origins are on unless an option turns them off."""
    commands, uri = [], fresh_store(tmp_path)
    monkeypatch.setattr(ui, "serve", lambda command: commands.append(command) or 0)
    for host in ("127.0.0.1", "0.0.0.0"):
        assert ui.run(uri, host=host, port=5001) == 0
    assert [command[command.index("--host") + 1] for command in commands] == ["127.0.0.1", "0.0.0.0"]
    for command in commands:
        assert not {"--disable-security-middleware", "--allowed-hosts", "--cors-allowed-origins"} & set(command)


def test_the_command_s_own_default_is_this_machine():
    from typer.testing import CliRunner

    from ablate.cli.main import app

    assert "[default: 127.0.0.1]" in CliRunner().invoke(app, ["ui", "--help"]).output


PARENT_OF_TWO = """
import subprocess, sys, time
children = [subprocess.Popen([sys.executable, "-c", CHILD]) for _ in range(2)]
print(*(child.pid for child in children), flush=True)
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("child", ["import time; time.sleep(60)", STUBBORN])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_server_and_all_its_children(tmp_path, number, child):
    server = [sys.executable, "-c", PARENT_OF_TWO.replace("CHILD", repr(child))]
    code = f"import sys; from ablate.cli.commands.ui import serve; sys.exit(serve({server!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as ours:
        children = [int(pid) for pid in ours.stdout.readline().split()]
        assert [lives(pid) for pid in children] == [True, True]
        ours.send_signal(number)
        assert ours.wait(timeout=20) == 0
    deadline = time.monotonic() + 5
    while any(map(lives, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [lives(pid) for pid in children] == [False, False]


def test_a_server_that_ends_by_itself_gives_its_exit_code():
    assert ui.serve([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_after_a_signal_mlflow_listens_no_longer(tmp_path, number):
    fresh_store(tmp_path)
    port = free_port()
    command = [sys.executable, "-m", "ablate.cli.main", "ui", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
    assert not listens(port)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
