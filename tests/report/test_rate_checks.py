import dataclasses
import math

import pandas as pd
import pytest
from careful_study import careful_study, changed, state

from ablate.analysis.effects.modes import MODE_COLUMNS
from ablate.report.checks import checklist
from ablate.report.inputs import Inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return careful_study(tmp_path_factory.mktemp("rate_checks") / "cifar_mlp")


def test_a_tuned_rate_at_the_edge_fails(inputs: Inputs) -> None:
    effects = inputs.effects.assign(mode="tune")
    tuned = dataclasses.replace(inputs, effects=effects)
    name = "Equal tuning budget, best rate inside the grid"
    assert state(tuned)[name] is None
    assert state(changed(tuned, facts={"tune": {"points": 5, "extended": ["a"], "at_edge": []}}))[name] is True
    assert state(changed(tuned, facts={"tune": {"points": 5, "extended": [], "at_edge": ["a"]}}))[name] is False


def test_an_effect_that_differs_between_modes_fails(inputs: Inputs) -> None:
    name = "No conclusion changes with the learning-rate mode"
    assert name not in state(inputs)
    effects = pd.concat([inputs.effects, inputs.effects.assign(mode="carry", verdict="exploratory")])

    def with_change(change: float, p: float, half: float = 0.01) -> Inputs:
        rows = [("dropout=0.1", "carry", 9, change, change - half, change + half, p, p <= 0.05)]
        changes = pd.DataFrame(rows, columns=list(MODE_COLUMNS))
        return dataclasses.replace(inputs, effects=effects, mode_changes=changes)

    def why(inputs: Inputs) -> str:
        return next(check.why for check in checklist(inputs) if check.name == name)

    assert inputs.metric.margin == 0.005
    small, wide = with_change(0.001, 0.4, 0.003), with_change(0.004, 0.4)
    assert state(small)[name] is True  # whatever words the two verdicts are
    assert "are within ±0.5 points; the largest change is dropout=0.1, +0.1 [−0.2, 0.4] points" in why(small)
    assert state(wide)[name] is None
    assert "but changes up to 1.4 points are not excluded; the largest change is dropout=0.1, +0.4 [−0.6" in why(wide)
    assert state(with_change(0.03, 0.01))[name] is False
    assert state(with_change(0.03, math.nan))[name] is None  # too few seeds to tell
    assert state(dataclasses.replace(inputs, effects=effects))[name] is None
