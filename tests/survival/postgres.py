"""A PostgreSQL server of a test's own, on this machine alone."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self, final

from survival.servers import free_port

DEBIAN = Path("/usr/lib/postgresql")  # below it a folder for each major version
ACCOUNTS = ("postgres", "nobody")  # whose it may be where the tests run as root, which PostgreSQL refuses


def why_not() -> str:
    """Why there can be no PostgreSQL server here, "" if there can."""
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        return "the driver psycopg2 is not installed (pip install psycopg2-binary)"
    if _programs() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    if os.geteuid() == 0 and _account() is None:
        return "PostgreSQL refuses root, and there is no other account"
    return ""


@final
class Postgres:
    """A server with an empty database `mlflow`, which a password file opens. A context manager."""

    def __init__(self) -> None:
        found = _programs()
        assert found is not None, why_not()
        self._programs, self._port = found, free_port()
        # Not among pytest's folders, into which another account cannot look.
        self._folder = Path(tempfile.mkdtemp(prefix="ablate-postgres-"))
        # The driver is named: SQLAlchemy 2.0 takes psycopg2 where none is, 2.1 takes psycopg.
        self.uri = f"postgresql+psycopg2://ablate@127.0.0.1:{self._port}/mlflow"
        self.environment = {"PGPASSFILE": str(self._folder / "pgpass")}  # of all that connect to it

    def __enter__(self) -> Self:
        password = secrets.token_hex()
        (self._folder / "password").write_text(password)
        passes = self._folder / "pgpass"
        passes.touch(mode=0o600)
        passes.write_text(f"127.0.0.1:{self._port}:*:ablate:{password}\n")
        self._own(self._folder, self._folder / "password")
        self._call(
            "initdb", "--username=ablate", "--auth=scram-sha-256", f"--pwfile={self._folder / 'password'}",
            "--no-sync", "--encoding=UTF8", "--no-locale", str(self._folder / "data"),
        )  # fmt: skip
        self.start()
        command = [self._programs / "createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "ablate", "mlflow"]
        subprocess.run(command, check=True, env={**os.environ, **self.environment}, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):  # it is stopped
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self._folder / "log.txt")
        self._call("pg_ctl", "start", "-w", "-t", "120", "-D", str(self._folder / "data"), "-l", log, "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: "immediate" as if it were killed, "fast" with all connections closed first."""
        self._call("pg_ctl", "stop", "-w", "-t", "120", "-m", mode, "-D", str(self._folder / "data"))

    def _call(self, program: str, *options: str) -> None:
        """Run one of PostgreSQL's programs, as an account that it accepts."""
        account = _account() if os.geteuid() == 0 else None
        subprocess.run(
            [self._programs / program, *options], check=True, cwd=self._folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            user=account.pw_uid if account else None, group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip

    def _own(self, *paths: Path) -> None:
        account = _account() if os.geteuid() == 0 else None
        if account is not None:
            for path in paths:
                os.chown(path, account.pw_uid, account.pw_gid)


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs: Debian's newest, else of those on the path."""
    found = sorted(_versions(), key=lambda path: float(path.parent.name))
    if found:
        return found[-1]
    here = shutil.which("initdb")
    return Path(here).parent if here and shutil.which("pg_ctl") else None


def _versions() -> Iterator[Path]:
    for path in DEBIAN.glob("*/bin"):
        if (path / "initdb").exists() and (path / "pg_ctl").exists():
            yield path


def _account() -> pwd.struct_passwd | None:
    for name in ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None
