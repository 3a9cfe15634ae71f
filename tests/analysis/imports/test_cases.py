"""Tables after public reports of people who tune and compare networks, each with what it must come to."""

from pathlib import Path

import pytest

from ablate.analysis.imports import ImportedRuns, ImportOptions, read_imported
from ablate.analysis.sources import read_csv_runs
from ablate.errors import DataError

CASES = Path(__file__).parent / "cases"
FACTORS = ["optimizer", "dropout"]
READ = {  # the factors, and what is said besides
    "blank_row": (FACTORS, "Skipped: 1 blank row."),
    "crashed_then_retried": (FACTORS, "2 lost runs: retried with the same configuration and seed"),
    "float32_rate": (["lr"], "read 0.0010000000474974513 as 0.001: one level, rounded differently"),
    "fold_and_seed": (["optimizer"], "averaged over seed, which leaves 5 replicates."),
    "host": (FACTORS, "ignored Hostname (names the machine)"),
    "neg_log_loss": (["optimizer"], "score neg_log_loss, higher is better"),
    "neg_mean_squared_error": (["optimizer"], "score neg_mean_squared_error, higher is better"),
    "pandas_index": (FACTORS, "ignored Unnamed: 0 (a row number)"),
    "pipe": (FACTORS, "no state"),
    "sep_line": (FACTORS, "seed seed"),
    "ray_results": (["optimizer", "dropout"], "bookkeeping of Ray Tune"),
    "ray_status": (FACTORS, "state status (TERMINATED = finished, ERROR = failed)"),
    "run_name": (FACTORS, "ignored run_name (names optimizer, dropout)"),
    "trailing_space": (FACTORS, "Removed spaces around words in optimizer."),
}
ASKED = {  # what is asked for, the answer, and the factors that are then read
    "accuracy_drop": ("--direction", {"direction": "minimize"}, ["optimizer"]),
    "negative_loss": ("--direction", {"direction": "maximize"}, ["optimizer"]),
    "test_error_reduction": ("--direction", {"direction": "maximize"}, ["optimizer"]),
    "optuna_trials_dataframe": ("--direction", {"direction": "maximize"}, ["depth", "dropout"]),
    "mlflow_search_runs": ("--score", {"score": "metrics.val_accuracy"}, ["optimizer", "dropout"]),
    "mlflow_page": ("--score", {"score": "val_accuracy"}, ["dropout", "optimizer"]),
    "wandb_export": ("--score", {"score": "val_acc"}, ["dropout", "opt.name"]),
    "one_run_each": ("at least 6 seeds", {"factors": ("optimizer",)}, ["optimizer"]),
}
STATES = {  # the word of the six runs that were lost -> ours
    "azure": "killed", "clearml": "killed", "determined_err": "failed", "katib_early": "pruned", "kerastuner": "failed",
    "ok": "diverged", "optuna_enum": "failed", "sacred": "killed", "slurm": "out_of_memory", "smac": "failed",
    "space": "failed", "wandb_preempting": "killed",
}  # fmt: skip


def read(name: str, **asked: object) -> ImportedRuns:
    return read_imported(read_csv_runs(CASES / f"{name}.csv"), ImportOptions(**asked))


@pytest.mark.parametrize("name", READ)
def test_a_table_is_read_as_what_it_is_and_it_is_said(name):
    factors, words = READ[name]
    foreign = read(name)
    assert foreign.facts.factors == factors
    assert words in " ".join(foreign.notes)
    assert foreign.notes[0].startswith("Read as: ")
    assert foreign.facts.notes[0] == foreign.notes[0].removesuffix(".")
    assert "one-factor" in foreign.facts.designs


@pytest.mark.parametrize("name", ASKED)
def test_doubt_is_a_question_that_names_the_option(name):
    option, answer, factors = ASKED[name]
    with pytest.raises(DataError, match=option):
        read(name)
    assert read(name, **answer).facts.factors == factors


@pytest.mark.parametrize("name", STATES)
def test_the_words_of_other_tools_tell_which_runs_were_lost(name):
    foreign = read(f"states/{name}")
    crossed = foreign.results[foreign.results["design"] == "factorial"]
    assert crossed["state"].value_counts().to_dict() == {"finished": 42, STATES[name]: 6}
    assert foreign.facts.factors == FACTORS
    assert any(note.startswith("6 of 48 runs did not finish: 6 ") for note in foreign.notes)


def test_a_complete_factorial_stays_one_beside_a_blank_row_and_a_second_try():
    for name in ("blank_row", "crashed_then_retried"):
        assert "factorial" in read(name).facts.designs


def test_an_export_of_optuna_pairs_runs_by_the_seed_among_its_attributes():
    foreign = read("optuna_trials_dataframe", direction="maximize")
    assert foreign.facts.seed_column == "user_attrs_seed"
    assert foreign.results.query("design == 'one-factor'").groupby("variant")["seed"].nunique().eq(8).all()
