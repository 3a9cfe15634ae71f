"""Parse a tracking address: find its SQLite file, reject an invalid one, hide its password in messages."""

import os
import re
from pathlib import Path

from ablate.errors import AblateError
from ablate.text import printable

VARIABLE = "MLFLOW_TRACKING_URI"
DEFAULT_URI = "sqlite:///mlflow.db"
_ANOTHER = "sqlite:///runs.db"  # a suggestion for where the default address itself is unusable
_SQLITE = ("sqlite", "sqlite+pysqlite")
_IN_MEMORY = "names no file, so the runs would be lost when the process ends"


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store.

    Raises `AblateError` if an SQLite address names no file.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or not scheme.lower().startswith("sqlite"):
        return None
    if scheme not in _SQLITE:
        raise refusal(uri, "is not an address that MLflow can open", "an SQLite store is sqlite:///FILE")
    if not rest.startswith("///"):
        name = rest.removeprefix("//")
        said = "has two slashes, so it names a host" if rest.startswith("//") else "needs three slashes"
        raise refusal(uri, said if name else _IN_MEMORY, f"write {scheme}:///{name}" if name else "")
    from sqlalchemy import make_url  # MLflow opens the store with it, so "?" and the part after it mean the same here

    name = make_url(uri).database or ""
    if not name or name == ":memory:":
        raise refusal(uri, _IN_MEMORY)
    if name.startswith("file:"):
        raise refusal(uri, "is an SQLite URI within an address", "name the file itself: sqlite:///FILE")
    return Path(name)


def check_form(uri: str) -> None:
    """Raise `AblateError` if the address is invalid in itself: a folder, a path, a missing slash."""
    scheme = uri.partition(":")[0] if ":" in uri else ""
    if uri.startswith("databricks") or sqlite_path(uri) is not None or (len(scheme) > 1 and scheme != "file"):
        return
    if not uri.strip():
        raise refusal(uri, "the address is empty")
    path = Path(re.sub(r"^file:(//[^/]*(?=/))?", "", uri))
    if scheme == "file" or path.is_dir() or not path.suffix:
        there = path.is_dir() and any(path.glob("*/meta.yaml"))
        move = f"mlflow migrate-filestore --source {path} --target {DEFAULT_URI} moves its runs to a database"
        raise refusal(uri, "is a folder, but MLflow no longer writes to plain folders", move if there else "")
    raise refusal(uri, "is a path without sqlite:///", f"write sqlite:///{path}")


def refusal(uri: str, fault: str, *way_out: str) -> AblateError:
    """An error with the address, where it came from, what is wrong with it, and how to fix it."""
    ways = [*(way for way in way_out if way), _another(uri)]
    return AblateError("\n  ".join([f"{placed(uri)}: {fault}", *ways]))


def placed(uri: str) -> str:
    """The address for a message, with the environment variable that it came from, if any."""
    return (printable(shown_uri(uri), 500) or '""') + (
        f" (from the environment variable {VARIABLE})" if _is_set(uri) else ""
    )


def shown_uri(uri: str) -> str:
    """The URI without its password, for messages and files."""
    return re.sub(r"://([^:/@]*):.*@", r"://\1:***@", uri)


def _another(uri: str) -> str:
    """How to use another store, depending on whether the user set the address."""
    other = _ANOTHER if uri == DEFAULT_URI else DEFAULT_URI
    if _is_set(uri):
        return f"unset {VARIABLE}, or give --tracking-uri {other}"
    return f"choose another store: --tracking-uri {other}"


def _is_set(uri: str) -> bool:
    return bool(uri) and os.environ.get(VARIABLE) == uri
