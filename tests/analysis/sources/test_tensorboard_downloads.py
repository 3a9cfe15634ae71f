"""What TensorBoard's page downloads; the files in `logs` were written by its own handlers."""

from pathlib import Path

import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_csv_runs
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


def test_the_json_of_the_hparams_tab_is_a_table_of_runs():
    runs = read_csv_runs(LOGS / "tensorboard_hparams.json")
    assert sorted(runs.table) == ["accuracy", "dropout", "optimizer", "seed"]
    read = read_imported(runs, ImportOptions())
    assert sorted(read.facts.factors) == ["dropout", "optimizer"]


@pytest.mark.parametrize("name", ["tensorboard_curve.csv", "tensorboard_curve.json"])
def test_the_curve_of_one_run_is_refused_with_the_way_out(name):
    with pytest.raises(
        DataError, match=rf"{name}: is the curve of one run, as TensorBoard downloads it\n  analyze the folder"
    ):
        read_csv_runs(LOGS / name)
