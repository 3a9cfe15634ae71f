"""The repository's own rules: layers, one library behind one door, a cheap start, tests that mirror the modules."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ablate.storage.conditions import DECIDING

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ablate"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The rooms in reading order: each imports only what stands before it.
ROOMS = (
    "text", "errors", "system", "clock", "study", "data", "models", "storage", "training", "analysis", "plans",
    "report", "tracking", "workers", "experiment", "interface", "cli",
)  # fmt: skip
# Where each library may be imported. Everything else is free of it.
DOORS = {
    "optuna": ("plans/search", "plans/optuna_terms.py", "analysis/importance/search.py", "analysis/sources/"),
    "mlflow": ("tracking/",),
    "matplotlib": ("report/plots/", "interface/result.py"),  # the latter: its type, for hints alone
    "seaborn": ("report/plots/",),
    "jinja2": ("report/",),
    "typer": ("cli/main.py",),
    "rich": ("interface/display/", "cli/commands/"),
    "cloudpickle": ("interface/functions.py",),
    "tensorflow": (
        "training/engine/backend/tensorflow.py",
        "training/engine/devices/tensorflow.py",
        "training/engine/device.py",
    ),
    "jax": ("training/engine/backend/jax.py", "training/engine/devices/jax.py", "training/engine/rewriting/"),
    "yaml": ("analysis/sources/yaml_text.py",),
    "PIL": ("data/image_folder.py",),
    "ray": ("workers/cluster/",),
    "keras": (
        "training/engine/",
        "training/fit/",
        "training/function/",
        "models/",
        "training/run_range_test.py",
        "data/fetch.py",
    ),
}
# The half that reads must work on a machine without the half that runs.
READING = (
    "analysis/", "report/", "storage/results.py", "storage/rate_tests.py", "storage/verified.py",
    "storage/provenance.py", "storage/files/",
    "text.py",
)  # fmt: skip
RUNNING = ("data", "models", "training", "plans", "workers", "tracking", "experiment", "interface", "cli")
# What a trial's modules import that decides none of its numbers: settings and data, which are in the keys by value,
# then errors, files, clocks.
INNOCENT = (
    "study/",
    "data/",
    "system.py",
    "storage/conditions.py",
    "storage/journal.py",
    "storage/models.py",
    "storage/program_cache.py",
    "errors.py",
    "storage/files/",
    "clock.py",
    "text.py",
    "storage/provenance.py",
)


@cache
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


def module_name(path: Path) -> str:
    return ".".join(["ablate", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


NAMES = {module_name(path) for path in MODULES}


@cache
def imported_modules(path: Path) -> set[str]:
    """The modules of this package that a file imports; a package itself only for what its `__init__` holds."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in NAMES:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= named & NAMES if named <= NAMES else (named & NAMES) | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & NAMES
    return found - {"ablate"}


GRAPH = {module_name(path): imported_modules(path) for path in MODULES}


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library):
    users = {place(path) for path in MODULES if any(name.split(".")[0] == library for name in imports(path))}
    assert users
    assert [user for user in users if not user.startswith(DOORS[library])] == []


def test_rooms_import_only_rooms_below_them():
    rank = {room: n for n, room in enumerate(ROOMS)}
    upward = []
    for name, imported in GRAPH.items():
        rooms = {other: other.split(".")[1] for other in imported if "." in other}
        upward += [(name, other) for other, room in rooms.items() if "." in name and rank[room] > rank[room_of(name)]]
    assert upward == []


def test_no_modules_import_each_other_in_a_ring():
    assert list(TopologicalSorter(GRAPH).static_order())  # raises CycleError, with the ring


def test_the_house_has_few_rooms_and_few_arrows_between_them():
    top = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    assert sum(path.is_dir() for path in top) <= 13
    assert sum(path.is_file() for path in top) <= 5
    arrows = {(room_of(name), room_of(other)) for name, others in GRAPH.items() for other in others}
    assert len([1 for a, b in arrows if a != b and a and b]) <= 271 // 3  # a third of what they were without the order


def test_the_reading_half_does_not_know_the_running_half():
    for path in MODULES:
        if place(path).startswith(READING):
            names = (name for name in imports(path) if name.startswith("ablate."))
            parts = {name.split(".")[1] for name in names}
            assert parts.isdisjoint(RUNNING), place(path)


def test_every_module_behind_a_trial_is_in_the_digest_of_the_code_or_decides_no_number():
    waiting, behind = ["ablate.training.stack"], set()
    while waiting:
        name = waiting.pop()
        if name not in behind:
            behind.add(name)
            waiting += GRAPH[name]
    behind = {place(path) for path in MODULES if module_name(path) in behind}
    assert len(behind) > 20
    assert sorted(name for name in behind if not name.startswith((*DECIDING, *INNOCENT))) == []
    assert [name for name in DECIDING if not any(place(path).startswith(name) for path in MODULES)] == []


def test_plans_schedulers_and_trackers_do_not_know_each_others_libraries():
    libraries = {"plans/search.py": "tracking", "plans/sequence.py": "tracking", "training/train.py": "plans"}
    for name, forbidden in libraries.items():
        assert not any(found.startswith(f"ablate.{forbidden}") for found in imports(PACKAGE / name))


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = "{'tensorflow', 'keras', 'mlflow', 'optuna', 'pandas', 'numpy', 'matplotlib', 'scipy', 'pydantic', 'rich'}"
    code = f"import sys, ablate.cli.main; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_module_has_tests_in_its_room():
    """A test of the room imports it, directly or from its package, or bears its name."""
    tests = list((ROOT / "tests").rglob("*.py"))
    rooms = {path: path.relative_to(ROOT / "tests").parts[0] if path.parent != ROOT / "tests" else "" for path in tests}
    untested = []
    for name in NAMES - {module_name(path) for path in MODULES if path.name == "__init__.py"} - set(HELD_BY):
        mine = [path for path in tests if rooms[path] == (room_of(name) if name.count(".") > 1 else "")]
        imported = set().union(*(imported_modules(path) for path in mine))
        through = {package for package in imported if name in GRAPH.get(package, ()) and name.startswith(package)}
        named = any(path.name == f"test_{name.rpartition('.')[2]}.py" for path in mine)
        if name not in imported and not through and not named:
            untested.append(name)
    assert "\n".join(sorted(untested)) == ""
    assert [file for file in HELD_BY.values() if not (ROOT / "tests" / file).is_file()] == []


# Modules that no test of their room names: the test that holds what they do.
HELD_BY = {
    "ablate.training.built": "workers/test_pool.py",
    **{
        f"ablate.training.function.{name}": "training/function/test_function_trials.py"
        for name in ("examples", "libraries", "report", "trainer", "trial_data", "user_train")
    },
    "ablate.training.function.keras_callback": "training/function/test_keras_script.py",
    "ablate.training.engine.parameters": "study/test_bundled_studies.py",
    **{
        f"ablate.training.engine.rewriting.{name}": "training/engine/rewriting/test_convolutions.py"
        for name in ("blocks", "dimensions", "geometry", "groups", "products", "roles", "ways")
    },
    "ablate.training.engine.start": "training/test_train.py",
    "ablate.training.command.supervisor": "training/command/test_supervised.py",
    **{
        f"ablate.training.fit.{name}": "training/fit/test_fit.py"
        for name in ("conductor", "feeding", "fitted", "ramp", "rates", "reported", "stopwatch", "trainer")
    },
    "ablate.analysis.effects.by_data_set": "analysis/effects/test_data_sets.py",
    "ablate.report.data_sets": "report/test_data_sets_section.py",
    "ablate.analysis.designs.comparisons": "analysis/designs/test_directions.py",
    "ablate.analysis.imports.factors": "analysis/imports/test_foreign_factors.py",
    "ablate.analysis.imports.naming": "analysis/imports/test_foreign_factors.py",
    "ablate.analysis.imports.words": "analysis/imports/test_cases.py",
    "ablate.cli.commands.compare": "cli/test_cli.py",
    "ablate.cli.commands.export": "experiment/test_exported_models.py",
    "ablate.cli.commands.lr": "cli/test_cli.py",
    "ablate.cli.commands.plan": "cli/test_cli.py",
    "ablate.cli.commands.report": "cli/test_cli.py",
    "ablate.cli.commands.studies": "cli/test_cli.py",
    "ablate.cli.commands.verify": "experiment/verify/test_verify.py",
    "ablate.data.array": "data/test_dataset.py",
    "ablate.experiment.preview.planned": "cli/test_cli.py",
    "ablate.interface.planning": "interface/test_python_study.py",
    "ablate.interface.study": "interface/test_python_study.py",
    **{
        f"ablate.models.{name}": "training/test_keeping.py"
        for name in ("loading", "portable", "standalone", "table_inputs")
    },
    "ablate.plans.optuna_terms": "plans/test_search.py",
    "ablate.plans.protocol": "plans/test_sequence.py",
    "ablate.report.modes": "report/test_build.py",
    "ablate.report.plots.schedules": "report/plots/test_plots.py",
    "ablate.report.learning_rates": "report/test_build.py",
    "ablate.study.settings": "study/test_study.py",
    "ablate.study.validation": "study/test_study.py",
    "ablate.tracking.batch": "tracking/test_tracking.py",
    "ablate.training.engine.loops": "training/engine/test_program.py",
}


def test_no_two_files_of_tests_have_one_name():
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, n in names.items() if n > 1] == []  # pytest imports them by it


def _named(node: ast.stmt) -> str:
    """What a class or an alias of a type is called; "" for any other statement."""
    match node:
        case ast.ClassDef(name=name):
            return name
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) if name.lstrip("_")[:1].isupper() and not name.isupper():
            return name
    return ""


def test_no_two_classes_or_types_of_the_package_have_one_name():
    names = Counter(_named(node) for path in MODULES for node in ast.parse(path.read_text()).body)
    assert names["Factors"] == 1
    assert [name for name, n in names.items() if n > 1 and name] == []


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    tree = ast.parse((PACKAGE / "cli" / "main.py").read_text())
    commands = [
        node.name.rstrip("_")
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Call) and ast.unparse(d.func) == "app.command" for d in node.decorator_list)
    ]
    assert len(commands) >= 8
    assert [name for name in commands if f"`{name}`" not in readme] == []


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
