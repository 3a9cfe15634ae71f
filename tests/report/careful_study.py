"""A study that passes every check, copies of it in which something is wrong, and what its checklist says."""

import dataclasses
from pathlib import Path

import pandas as pd
from synthetic import write_study

from ablate.analysis.effects import confirmatory_runs
from ablate.report.checks import checklist
from ablate.report.inputs import Inputs, read_inputs
from ablate.storage.provenance import Provenance

Facts = dict[str, object]  # of provenance.json
CLEAN: Facts = {"git": {"commit": "e466d59c0ffee", "dirty": False}}


def careful_study(folder: Path) -> Inputs:
    """A study in one mode that lost no run and whose range tests all found a rate."""
    found = read_inputs(write_study(folder, facts=CLEAN))
    return dataclasses.replace(found, rate_tests=[pair for pair in found.rate_tests if pair[1].verdict == "determined"])


def changed(inputs: Inputs, *, facts: Facts | None = None, results: pd.DataFrame | None = None) -> Inputs:
    found = inputs.results if results is None else results
    known = Provenance.from_json(inputs.facts.to_json() | (facts or {}))
    return dataclasses.replace(inputs, facts=known, results=found, runs=confirmatory_runs(found))


def state(inputs: Inputs) -> dict[str, bool | None]:
    return {check.name: check.passed for check in checklist(inputs)}


def failed(inputs: Inputs) -> list[str]:
    return [name for name, passed in state(inputs).items() if passed is False]


def why(inputs: Inputs, name: str) -> str:
    return next(check.why for check in checklist(inputs) if check.name == name)
