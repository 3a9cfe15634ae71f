"""The repository's own rules: layers, one library behind one door, a cheap start, tests that mirror the modules."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ablate.source import DECIDING

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ablate"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Where each library may be imported. Everything else is free of it.
DOORS = {
    "optuna": ("search/", "importance/search.py", "sources/optuna_storage.py"),
    "mlflow": ("tracking/",),
    "matplotlib": ("plots/",),
    "seaborn": ("plots/",),
    "jinja2": ("report/",),
    "typer": ("cli.py",),
    "rich": ("terminal/display.py", "commands/"),
    "tensorflow": ("engine/backend.py", "engine/device.py"),
    "keras": ("engine/", "models/", "trial/rate_finder.py", "datasets/fetch.py"),
}
# The half that reads must work on a machine without the half that runs.
READING = (
    "results.py",
    "result_rules.py",
    "files/csv_text.py",
    "files/json_file.py",
    "printable.py",
    "statistics/",
    "effects/",
    "wording",
    "importance/",
    "designs/",
    "analysis.py",
    "verified.py",
    "foreign/",
    "sources/",
    "plots/",
    "report/",
)
RUNNING = (
    "engine", "trial", "models", "datasets", "schedule", "tracking", "search", "ablation", "running", "preview",
    "folder", "verifying", "cli", "commands", "terminal",
)  # fmt: skip
# What a trial's modules import that decides none of its numbers: settings and data, which are in the keys by value,
# then errors, files, clocks.
INNOCENT = (
    "study/", "space.py", "datasets/", "provenance.py", "conditions.py", "source.py", "errors.py", "files/",
    "clock.py", "printable.py", "failure.py", "plural.py", "trial/feed.py",
)  # fmt: skip


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library):
    users = {place(path) for path in MODULES if any(name.split(".")[0] == library for name in imports(path))}
    assert users
    assert [user for user in users if not user.startswith(DOORS[library])] == []


def test_the_reading_half_does_not_know_the_running_half():
    for path in MODULES:
        if place(path).startswith(READING):
            parts = {name.split(".")[1] for name in imports(path) if name.startswith("ablate.")}
            assert parts.isdisjoint(RUNNING), place(path)


def test_every_module_behind_a_trial_is_in_the_digest_of_the_code_or_decides_no_number():
    by_name = {f"ablate.{place(path)[:-3].replace('/', '.')}": path for path in MODULES}
    waiting, behind = ["ablate.trial.stack"], set()
    while waiting:
        name = waiting.pop()
        if name in by_name and place(by_name[name]) not in behind:
            behind.add(place(by_name[name]))
            waiting += imports(by_name[name])
    assert len(behind) > 20
    assert sorted(name for name in behind if not name.startswith((*DECIDING, *INNOCENT))) == []
    assert [name for name in DECIDING if not any(place(path).startswith(name) for path in MODULES)] == []


def test_plans_schedulers_and_trackers_do_not_know_each_others_libraries():
    libraries = {"search/plan.py": "tracking", "ablation/steps.py": "tracking", "trial/training.py": "search"}
    for name, forbidden in libraries.items():
        assert not any(found.startswith(f"ablate.{forbidden}") for found in imports(PACKAGE / name))


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = "{'tensorflow', 'keras', 'mlflow', 'optuna', 'pandas', 'numpy', 'matplotlib', 'scipy', 'pydantic', 'rich'}"
    code = f"import sys, ablate.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_module_has_tests():
    tested = {path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    for path in MODULES:
        name = place(path)
        if name.startswith(UNTESTED) or path.name == "__init__.py":
            continue
        folder, _, module = name.rpartition("/")
        mirrored = {f"{folder + '/' if folder else ''}test_{module}", f"test_{folder.split('/')[0]}.py"}
        whole_folder = folder and any(test.startswith(f"{folder}/") for test in tested)
        assert mirrored & tested or whole_folder, f"{name} has no test file"


UNTESTED = ("commands/", "events.py")  # held by test_cli.py, test_display.py and test_experiment.py


def test_no_two_files_of_tests_have_one_name():
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, n in names.items() if n > 1] == []  # pytest imports them by it


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    tree = ast.parse((PACKAGE / "cli.py").read_text())
    commands = [
        node.name.rstrip("_")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Call) and ast.unparse(d.func) == "app.command" for d in node.decorator_list)
    ]
    assert len(commands) >= 8
    assert [name for name in commands if f"`ablate {name}" not in readme] == []


def test_every_dependency_is_bounded_and_the_constraints_have_a_release_within_the_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    tested = {canonicalize_name(name): version for name, version in pairs}
    for text in project["dependencies"]:
        bounds = {bound.operator for bound in Requirement(text).specifier}
        assert bounds == {">=", "<"}, text
    for text in (*project["dependencies"], *project["optional-dependencies"]["test"]):
        wanted = Requirement(text)
        assert wanted.specifier.contains(tested[canonicalize_name(wanted.name)]), text
