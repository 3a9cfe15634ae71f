"""One cluster for all tests in this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the pretend workers


@pytest.fixture(scope="session")
def the_nodes():
    from clusters import Nodes

    nodes = Nodes()
    yield nodes
    nodes.cluster.shutdown()


@pytest.fixture
def two_nodes(the_nodes):
    the_nodes.be(2)
    return the_nodes


def pytest_collection_modifyitems(items):
    """Ray starts its processes by fork, which JAX complains of where other tests have imported it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
