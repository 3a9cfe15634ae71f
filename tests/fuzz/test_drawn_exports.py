"""What analyze says of exports with a known truth; the same at length: benchmarks/does_it_refuse.py --only exports."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from export_oracle import judge
from export_tally import ExportTally, tried_exports
from export_truth import ExportExample, Run, Truth
from exports import draw_export

START = 1


def small(values: Sequence[tuple[str, int, float]], *, header: str = "optimizer,seed,val_accuracy") -> ExportExample:
    """Two optimizers and seeds, Adam 3 points better."""
    text = "\n".join([header, *(f"{level},{seed},{value!r}" for level, seed, value in values)])
    truth = Truth(
        factors={"optimizer": ("sgd", "adam")},
        gains={("optimizer", "sgd"): 0.0, ("optimizer", "adam"): 0.03},
        score="val_accuracy",
        sign=1,
        scale=1.0,
        seeds=("seed",),
        state="",
        runs=tuple(Run((level,), seed, value) for level, seed, value in values),
    )
    return ExportExample("own", "", text.encode(), truth)


@pytest.fixture
def good() -> ExportExample:
    noise = (0.001, -0.002, 0.003, 0.0, -0.001, 0.002, 0.0015)
    both = [("sgd", seed, 0.8 + seed / 500) for seed in range(7)]
    return small([*both, *(("adam", seed, 0.83 + seed / 500 + noise[seed]) for seed in range(7))])


def test_what_is_so_is_no_defect(good: ExportExample, tmp_path: Path) -> None:
    verdicts = judge(good, tmp_path)
    assert (verdicts.answer, verdicts.questions, verdicts.defects) == ("accepted", [], {})
    assert (verdicts.effects, verdicts.found, verdicts.nulls) == (1, 1, 0)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"sign": -1}, "the direction is turned"),
        ({"score": "val_loss"}, "another column is the score"),
        ({"gains": {("optimizer", "sgd"): 0.03, ("optimizer", "adam"): 0.0}}, "the wrong sign"),
        ({"factors": {"lr": ("sgd", "adam")}, "gains": {}}, "a bookkeeping column is a factor"),
        ({"factors": {"optimizer": ("sgd", "adam"), "lr": ("1", "2")}}, "a factor is left out"),
        ({"factors": {"optimizer": ("sgd",)}}, "levels are split or merged"),
        ({"seeds": ()}, "a verdict without seeds"),
        ({"blank_rows": 1}, "blank rows are taken as runs or skipped silently"),
        ({"parents": 1}, "parent runs are taken as runs"),
        ({"is_merged": True}, "levels are made one without a word"),
    ],
)
def test_what_is_not_so_is_a_defect(good: ExportExample, tmp_path: Path, changed: dict[str, object], kind: str) -> None:
    assert kind in judge(replace(good, truth=replace(good.truth, **changed)), tmp_path).defects


def test_runs_that_were_lost_dropped_or_other_ones_are_defects(good: ExportExample, tmp_path: Path) -> None:
    runs = good.truth.runs
    for number, (other, kind) in enumerate(
        (
            ((replace(runs[0], lost="failed"), *runs[1:]), "lost runs are not counted"),
            ((*runs, runs[0]), "runs are dropped without a word"),
            ((replace(runs[0], value=0.7), *runs[1:]), "another number of pairs or another mean"),
            ((*runs, replace(runs[0], retried=True, lost="failed")), "a second try is not spoken of"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert kind in judge(replace(good, truth=replace(good.truth, runs=other)), folder).defects


def test_a_lost_run_that_is_said_is_none_and_an_error_of_ours_is_one(
    good: ExportExample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = good.truth.runs
    lost = (replace(runs[0], lost="failed", cell="nan"), *runs[1:])
    content = good.content.replace(b"sgd,0,0.8\n", b"sgd,0,nan\n")
    assert not judge(replace(good, content=content, truth=replace(good.truth, runs=lost)), tmp_path).defects
    monkeypatch.setattr("export_reading.read_inputs", lambda _: {}["x"])
    assert judge(good, tmp_path).answer == "defect"


def test_the_same_number_draws_the_same_table() -> None:
    assert draw_export(START, 5) == draw_export(START, 5)
    assert draw_export(START, 5).content != draw_export(START, 23).content


def test_too_many_false_alarms_are_a_defect_and_one_in_twenty_is_none() -> None:
    assert not ExportTally(null_tables=400, alarmed_tables=20).is_alarmed_too_often
    assert ExportTally(null_tables=400, alarmed_tables=40).is_alarmed_too_often


def test_a_dozen_exports_are_told_as_they_are() -> None:
    tally = tried_exports(12, start=START)
    assert tally.is_flawless, str(tally)


@pytest.mark.slow
def test_exports_of_every_tool_are_told_as_they_are() -> None:
    tally = tried_exports(72, start=START, first=12)
    assert tally.is_flawless, str(tally)
    assert tally.sums["found"] > 0
