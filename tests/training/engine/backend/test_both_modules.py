"""Both backends have the functions that the engine takes from them, with equal arguments: read from their text."""

import ast
from pathlib import Path

import pytest

from ablate.training.engine import backend

FOLDER = Path(backend.__file__).parent
# Arguments that one backend alone reads keep their name, so that `del` says so.
BOTH = ("jax", "tensorflow")


def tree_of(name: str) -> ast.Module:
    return ast.parse((FOLDER / f"{name}.py").read_text())


def imported() -> dict[str, list[str]]:
    """The names that the package takes from each backend."""
    found = [node for node in ast.walk(tree_of("__init__")) if isinstance(node, ast.ImportFrom)]
    return {str(node.module).rpartition(".")[2]: [alias.name for alias in node.names] for node in found}


def functions_of(name: str) -> dict[str, str]:
    """The public functions with their arguments and results."""
    found = [node for node in tree_of(name).body if isinstance(node, ast.FunctionDef)]
    return {
        node.name: f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else ''}"
        for node in found
        if not node.name.startswith("_")
    }


def values_of(name: str) -> set[str]:
    """The constants and types."""
    targets = [node.targets[0] if isinstance(node, ast.Assign) else node.target for node in tree_of(name).body
               if isinstance(node, ast.Assign | ast.AnnAssign)]  # fmt: skip
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_package_takes_the_same_names_from_both_and_passes_them_all_on():
    taken = imported()
    types = taken.pop("types")
    assert sorted(taken) == sorted(BOTH)
    assert taken["jax"] == taken["tensorflow"]
    assert sorted([*taken["jax"], *types]) == sorted(backend.__all__)
    assert all(hasattr(backend, name) for name in backend.__all__)


@pytest.mark.parametrize("name", BOTH)
def test_each_backend_has_all_of_them(name):
    assert set(imported()[name]) <= set(functions_of(name)) | values_of(name)


def test_functions_of_one_name_take_and_return_the_same():
    ours, theirs = (functions_of(name) for name in BOTH)
    both = [name for name in backend.__all__ if name in ours]
    assert len(both) > 10
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}


def test_the_backend_of_this_process_is_that_of_keras():
    import keras

    assert backend.resident.__module__.rpartition(".")[2] == keras.backend.backend()
