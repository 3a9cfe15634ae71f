"""Trials of four cells that want the test set: a reference, a variant, one at carried rates, and one of a crossing."""

from dataclasses import replace

from ablate.study.trial import Label, TrialSpec

FACTORS = {"dropout": 0.0, "learning_rate": "find"}
REFERENCE = TrialSpec("r", Label("ablation", "reference", design="one-factor"), 1, FACTORS, test=True)
OF_VARIANT = Label("ablation", "dropout=0.1", "dropout", "0.1", "find", "one-factor", "reference")
VARIANT = replace(REFERENCE, trial="v", label=OF_VARIANT, factors={**FACTORS, "dropout": 0.1})
CARRIED = replace(VARIANT, trial="c", label=replace(OF_VARIANT, mode="carry"), rate_factors=FACTORS)
CROSSED = replace(VARIANT, trial="f", label=Label("ablation", "dropout=0.1", mode="find", design="factorial"))
SPECS = [REFERENCE, VARIANT, CARRIED, CROSSED]


def changed(spec: TrialSpec, **changes) -> TrialSpec:
    """The same with other fields, of its own or of its label."""
    ours = {name: value for name, value in changes.items() if name in TrialSpec.__slots__}
    return replace(spec, label=replace(spec.label, **{n: v for n, v in changes.items() if n not in ours}), **ours)
