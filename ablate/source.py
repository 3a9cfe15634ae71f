"""Source files into digests: which code a number came from. Nothing of it is imported."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Of this package, what a trial's numbers depend on; what else those modules import decides none.
DECIDING = (
    "engine/", "models/", "trial/training.py", "trial/tally.py", "trial/stack.py", "trial/slots.py",
    "trial/lr_finder.py", "trial/rate_finder.py", "trial/inspection.py", "trial/pretraining.py", "levels.py",
    "catalog.py", "seeds.py", "records.py", "datasets/split.py",
)  # fmt: skip
# What a user's model may import: libraries whose versions are recorded, besides Python's own.
RECORDED = ("keras", "tensorflow", "numpy")


@cache
def package_digest() -> str:
    """Of the modules of this package that decide a trial's numbers, hexadecimal."""
    root, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(DECIDING):
            digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def code_digest(name: str, *, base: Path) -> str:
    """A digest of the user's file behind a model name; "" for the registered models."""
    return hashlib.sha256(_file(name, base).read_bytes()).hexdigest() if ":" in name else ""


def stands_alone(name: str, *, base: Path) -> bool:
    """Whether `code_digest` and the recorded versions say all of a model's code: a user's file may import more."""
    if ":" not in name:
        return True
    try:
        tree = ast.parse(_file(name, base).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return all(found in RECORDED or found in sys.stdlib_module_names for found in _imported(tree))


def _file(name: str, base: Path) -> Path:
    return base / name.rsplit(":", 1)[0]


def _imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names of what is imported; "" for what is relative."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else (node.module or "").split(".")[0]
