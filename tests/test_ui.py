import pytest

from ablate.commands import ui


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.1", "::1", "LOCALHOST"])
def test_on_this_machine_alone_nothing_is_warned_of(host):
    (line,) = ui.opening_lines(host, 5000)
    assert line == f"http://{f'[{host}]' if ':' in host else host}:5000   Ctrl-C stops"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", ""])
def test_whoever_listens_to_more_is_told_in_one_line(host):
    _, warning = ui.opening_lines(host, 5000)
    assert warning.startswith("Warning: anyone who reaches this address can read, change and delete the runs")
    assert "\n" not in warning


def test_the_server_listens_to_this_machine_unless_told_and_keeps_its_own_checks(tmp_path, monkeypatch):
    """What is started, not started: MLflow's checks of hosts and origins are on unless an option turns them off."""
    commands = []
    store = tmp_path / "mlflow.db"
    store.touch()
    monkeypatch.setattr(ui.subprocess, "run", lambda command, **_: commands.append(command) or _Done())
    for host in ("127.0.0.1", "0.0.0.0"):
        assert ui.run(f"sqlite:///{store}", host=host, port=5001) == 0
    assert [command[command.index("--host") + 1] for command in commands] == ["127.0.0.1", "0.0.0.0"]
    for command in commands:
        assert not {"--disable-security-middleware", "--allowed-hosts", "--cors-allowed-origins"} & set(command)


def test_the_command_s_own_default_is_this_machine():
    from typer.testing import CliRunner

    from ablate.cli import app

    assert "[default: 127.0.0.1]" in CliRunner().invoke(app, ["ui", "--help"]).output


class _Done:
    returncode = 0
