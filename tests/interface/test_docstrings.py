"""The examples in the docstrings of the interface, run as they stand there."""

import doctest
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

MODULES = ("ablate", "ablate.interface.study", "ablate.interface.result", "ablate.interface.reading")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def houses(tmp_path_factory) -> Path:
    """The folder of results that the examples read."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
    from synthetic import write_study

    return write_study(tmp_path_factory.mktemp("examples") / "houses")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_do_what_they_show(name, houses, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(houses, tmp_path / "reports" / "houses")
    module = import_module(name)
    shown = doctest.testmod(module, globs={"ablate": import_module("ablate")}, optionflags=FLAGS)
    assert (shown.failed, shown.attempted > 0) == (0, True)


def test_every_public_call_has_an_example():
    from ablate import Study, read
    from ablate.interface.result import Result

    for item in (Study, Study.read, Study.write, Study.plan, Result, Result.plot, read):
        assert ">>> " in (item.__doc__ or ""), item
