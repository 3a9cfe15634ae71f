from pathlib import Path

import pytest
from synthetic import write_study

from ablate.report import ReportFiles, build_report


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """A full study in two learning-rate modes, built once."""
    folder = write_study(tmp_path_factory.mktemp("full") / "cifar_mlp", modes=("carry", "find"))
    return build_report(folder)


@pytest.fixture(scope="session")
def built_bare(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """The same study in one mode, of which only results.csv is left."""
    folder: Path = write_study(tmp_path_factory.mktemp("bare") / "cifar_mlp", bare=True)
    return build_report(folder)
