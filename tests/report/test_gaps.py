"""The gap between training and validation, by hand; and schedules, which stand beside it."""

from pathlib import Path

import pandas as pd
import pytest
from records import epoch_of_classes

from ablate.report.gaps import gap_blocks, gap_table, last_epochs
from ablate.report.inputs import read_inputs
from ablate.report.learning_rates import schedule_blocks, schedule_curves
from ablate.report.training import training_section
from ablate.storage.results import epochs_table, results_table, write_table
from ablate.study.trial import Epoch, Label, Outcome, TrialSpec


def a_run(variant: str, seed: int, *, schedule: str, state: str = "finished", spread: float | None = None):
    factor, _, level = variant.partition("=")
    changed = (variant, factor, level, "find", "one-factor", "reference")
    label = Label("ablation", *changed) if level else Label("ablation", "reference", design="one-factor")
    spec = TrialSpec(f"{variant}-s{seed}", label, seed, {"schedule": schedule, "learning_rate": 0.1})
    return spec, Outcome(spec.trial, state, 0.5, learning_rate=0.1, predictive_sd=spread), ""


def epochs_of(trial: str, *gaps: float, rates: tuple[float, ...] = (0.1, 0.1)) -> list[Epoch]:
    return [epoch_of_classes(trial, n, 1.0, 0.5 + gap, 1.0, 0.5, rate, 1.0)
            for n, (gap, rate) in enumerate(zip(gaps, rates, strict=True), 1)]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    runs = [
        a_run("schedule=cosine", 1, schedule="cosine", spread=0.02), a_run("", 1, schedule="constant"),
        a_run("", 2, schedule="constant"), a_run("schedule=cosine", 2, schedule="cosine", spread=0.04),
        a_run("dropout=0.9", 1, schedule="constant", state="diverged"),
        a_run("recipe=half", 1, schedule="1cycle"), a_run("recipe=other", 1, schedule="constant"),
    ]  # fmt: skip
    epochs = [
        *epochs_of("-s1", 0.0, 0.10), *epochs_of("-s2", 0.0, 0.20), *epochs_of("dropout=0.9-s1", 0.3, 0.3),
        *epochs_of("schedule=cosine-s1", 0.5, 0.02, rates=(0.05, 0.0)),
        *epochs_of("schedule=cosine-s2", 0.5, 0.08, rates=(0.04, 0.0)),
        *epochs_of("recipe=half-s1", 0.1, 0.1, rates=(0.02, 0.01)), *epochs_of("recipe=other-s1", 0.1, 0.1),
    ]  # fmt: skip
    write_table(results_table(runs), tmp_path / "results.csv")
    write_table(epochs_table(epochs), tmp_path / "epochs.csv")
    return tmp_path


def test_the_gap_is_that_of_each_finished_runs_last_epoch_and_its_change_is_paired(folder):
    runs = last_epochs(read_inputs(folder))
    assert runs["name"].unique().tolist() == ["", "recipe = half", "recipe = other", "schedule = cosine"]
    table = gap_table(runs, spreads=pd.Series({"schedule = cosine": 3.0})).set_index("name")
    assert table.loc["", "mean"] == pytest.approx(15.0)
    cosine = table.loc["schedule = cosine"]
    assert cosine[["mean", "training", "validation", "change"]].tolist() == pytest.approx([5.0, 55.0, 50.0, -10.0])
    assert cosine[["low", "high", "change_low", "change_high"]].isna().all()  # two seeds


def test_from_six_seeds_on_a_gap_and_its_change_have_intervals():
    gaps = {"": [10.0] * 6, "a": [8.0, 9.0, 8.0, 9.0, 8.0, 9.0]}
    runs = pd.DataFrame([
        {"name": name, "against": "reference", "seed": seed, "training": 90.0, "validation": 90.0 - gap, "gap": gap}
        for name, some in gaps.items() for seed, gap in enumerate(some)
    ])  # fmt: skip
    row = gap_table(runs, spreads=pd.Series(dtype=float)).set_index("name").loc["a"]
    half = 2.5706 * 0.5477 / 6**0.5  # t of 5 degrees of freedom, SD of three 8s and three 9s
    assert row[["low", "high"]].tolist() == pytest.approx([8.5 - half, 8.5 + half], abs=1e-3)
    assert row[["change_low", "change_high"]].tolist() == pytest.approx([-1.5 - half, -1.5 + half], abs=1e-3)


def test_the_gaps_figure_has_its_numbers_and_the_predictive_spread_where_there_is_one(folder):
    (figure,) = gap_blocks(read_inputs(folder))
    assert figure.table.head[-2] == "Predictive SD, points"
    assert figure.table.rows[0] == ["reference", "65.0", "50.0", "+15.0", "–", "–", "–", "–", "2"]
    assert figure.table.rows[-1][-2] == "3.0"
    assert "from +5.0 points in schedule = cosine to +15.0 points in the reference" in figure.sentence
    write_table(epochs_table([]), folder / "epochs.csv")
    assert gap_blocks(read_inputs(folder)) == []
    assert training_section(read_inputs(folder)) is None


def test_schedules_are_shares_of_each_trials_own_peak_beside_the_reference(folder):
    curves = schedule_curves(read_inputs(folder)).set_index(["name", "epoch"])
    assert curves.index.get_level_values("name").unique().tolist() == ["", "recipe = half", "schedule = cosine"]
    assert curves.loc[("", 1)].tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert curves.loc[("schedule = cosine", 1)].tolist() == pytest.approx([0.45, 0.4, 0.5])
    assert curves.loc[("recipe = half", 2), "share"] == pytest.approx(0.1)
    (figure,) = schedule_blocks(read_inputs(folder))
    assert figure.table.rows[-1] == ["schedule = cosine", "45.0", "0.0"]
    assert ">cosine<" in figure.svg


def test_a_study_without_the_factor_shows_no_schedules(folder):
    table = pd.read_csv(folder / "results.csv").drop(columns="schedule")
    table.to_csv(folder / "results.csv", index=False)
    assert schedule_blocks(read_inputs(folder)) == []
