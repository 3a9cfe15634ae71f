"""Folders of results: an imported table as `ablate analyze` writes it, and a study's own; and what is said of them."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from report_claims import Claim, Statement, asserted, read_report

from ablate.analysis.imports import ImportOptions
from ablate.errors import DataError
from ablate.experiment.analyze import ReportPlace, prepare
from ablate.report.inputs import Inputs, read_inputs
from ablate.storage.results import write_table
from ablate.study.trial import COLUMNS

Rng: TypeAlias = np.random.Generator
Rows: TypeAlias = list[dict[str, Any]]  # Any: cells of several types
Writer: TypeAlias = Callable[[Path], Path]  # writes a folder into another, and returns it
CLASSES = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What a page says; `refusal` where there is none."""

    page: Sequence[Statement] = ()
    asserted: Sequence[Claim] = ()
    refusal: str = ""

    @property
    def claims(self) -> Sequence[Claim]:
        """What it asserts without calling it exploratory."""
        return [claim for claim in self.asserted if not claim.is_exploratory]

    @property
    def answer(self) -> str:
        """The head of the page."""
        return " ".join(one.text for one in self.page if one.section == "answer")


def report_on(write: Writer) -> Report:
    """The whole page on a folder."""
    with tempfile.TemporaryDirectory() as place:
        try:
            page = read_report(write(Path(place)))
        except DataError as err:
            return Report(refusal=str(err))
    return Report(page, asserted(page))


def verdicts_on(write: Writer) -> dict[str, str]:
    """Variant -> verdict of the effects table in its first mode, without the page; {} if the table is refused."""
    with tempfile.TemporaryDirectory() as place:
        try:
            inputs: Inputs = read_inputs(write(Path(place)))
        except DataError:
            return {}
        effects = inputs.primary_effects()
    return dict(zip(effects["variant"].astype(str), effects["verdict"].astype(str), strict=True))


def imported(rows: Rows, **asked: Any) -> Writer:  # Any: options of several types
    """A table from elsewhere, through the importer."""

    def write(folder: Path) -> Path:
        path = folder / "runs.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        place = ReportPlace(str(path), None, "sqlite:///none.db", "", folder / "reports")
        return prepare(place, ImportOptions(**asked), command_line="ablate analyze")[0]

    return write


def own(rows: Rows, *, reference: dict[str, object], modes: Sequence[str], **facts: object) -> Writer:
    """A study's own folder: results.csv and provenance.json, preregistered and complete."""

    def write(folder: Path) -> Path:
        columns = [*COLUMNS, *(name for name in reference if name not in COLUMNS)]
        write_table(pd.DataFrame(rows, columns=columns), folder / "results.csv")
        (folder / "provenance.json").write_text(json.dumps(_provenance(reference, modes) | facts))
        return folder

    return write


def run(
    phase: str, variant: str, seed: int, score: float, levels: dict[str, object], **labels: object
) -> dict[str, Any]:
    """A finished run of a study as a row of results.csv; the score is a fraction, and the test score as good."""
    trial = "-".join([phase, *map(str, labels.values()), variant, str(seed), *map(str, levels.values())])
    blank: dict[str, object] = dict.fromkeys(COLUMNS, "")
    found = {"val_accuracy": score, "val_loss": 1 - score, "score": score}
    tested = {"test_accuracy": score, "test_loss": 1 - score} if phase == "ablation" else {}
    budget = {"best_epoch": 9, "epochs": 10, "learning_rate": 1e-3, "parameters": 1000, "seconds": 1.0, "attempt": 1}
    known = {"trial": trial, "phase": phase, "variant": variant, "seed": seed, "state": "finished", "data": "d"}
    return blank | known | found | tested | budget | labels | levels


def _provenance(reference: dict[str, object], modes: Sequence[str]) -> dict[str, object]:
    known = {name: level for name, level in reference.items() if name != "learning_rate_setting"}
    return {
        "study": "noise", "title": "noise", "monitor": "val_accuracy", "reference": known, "reference_kind": "baseline",
        "modes": list(modes), "designs": ["one-factor"], "complete": True, "interrupted": False, "quick": False,
        "data": {"name": "noise", "fingerprint": "ab", "stand_in": False, "source": "noise.npz", "n_train": 50000,
                 "n_validation": 5000, "n_test": 10000, "n_classes": CLASSES},
        "frozen": {"digest": "5ee1", "at": "2026-11-21T10:38:00+00:00", "contrasts": 99, "cells": 99},
    }  # fmt: skip
