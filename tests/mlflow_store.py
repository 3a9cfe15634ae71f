"""MLflow stores for tests: setting one up takes seconds, copying one does not."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


def fresh_store(folder: Path) -> str:
    """The address of an empty SQLite store in `folder`."""
    path = folder / "mlflow.db"
    shutil.copy(_empty(), path)
    return f"sqlite:///{path}"


@cache
def _empty() -> Path:
    from ablate.tracking.store import connect

    folder = Path(tempfile.mkdtemp(prefix="ablate-store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    connect(f"sqlite:///{folder / 'mlflow.db'}")
    return folder / "mlflow.db"
