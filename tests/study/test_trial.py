import json
from dataclasses import replace

import pytest

from ablate.study.trial import Label, Outcome, RateTest, TrialSpec, number_in

SPEC = TrialSpec(
    "a", Label("ablation", "v", "f", "l", "carry"), 1, {"learning_rate": "find", "dropout": 0.1}, {"x": 1}, test=True
)
TEST = RateTest("k", (0.1, 0.2), (2.0, 1.5), {"valley": None}, 0.1, "undetermined", "flat", 1.0)


def test_specs_and_outcomes_survive_json():
    outcome = Outcome("a", "diverged", notes=("n",), timings={"train": 1.0}, rate_test=TEST)
    drawn = Outcome("a", "finished", initial_weights="0123456789abcdef")
    assert Outcome.from_json({"trial": "a", "state": "finished"}).initial_weights == ""  # of an older version
    for record in (drawn, SPEC, replace(SPEC, rate_factors=None), outcome, Outcome("a", "killed")):
        assert type(record).from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_spec_in_json_is_flat_with_the_fields_of_its_label_beside_its_own():
    written = replace(SPEC, label=replace(SPEC.label, number=3)).to_json()
    assert written == {
        "trial": "a", "phase": "ablation", "variant": "v", "factor": "f", "level": "l", "mode": "carry", "design": "",
        "against": "", "number": 3, "seed": 1, "factors": {"learning_rate": "find", "dropout": 0.1},
        "rate_factors": {"x": 1}, "test": True, "frozen": "",
    }  # fmt: skip


# As version 0.1 wrote them into trials.jsonl, which has no numbers, and before it had designs.
OLD = {
    "trial": "path-forward-2-a=on, c=on-s1", "phase": "ablation", "variant": "a=on, c=on", "factor": "c", "level": "on",
    "mode": "find", "seed": 1, "factors": {"a": "on", "c": "on", "learning_rate": "find"}, "rate_factors": None,
    "test": False, "design": "path", "against": "reference", "frozen": "",
}  # fmt: skip


def test_a_spec_of_an_older_version_is_read_with_the_number_in_its_trials_name():
    factors = {"a": "on", "c": "on", "learning_rate": "find"}
    label = Label("ablation", "a=on, c=on", "c", "on", "find", "path", "reference", 2)
    assert TrialSpec.from_json(OLD) == TrialSpec(OLD["trial"], label, 1, factors)
    without = {name: value for name, value in OLD.items() if name not in ("design", "against", "frozen")}
    assert TrialSpec.from_json(without).label == replace(label, design="", against="")


def test_a_number_that_was_written_is_not_read_out_of_the_name():
    search = TrialSpec("search-0014", Label("search", number=3), 0, {})
    assert TrialSpec.from_json(search.to_json()).label.number == 3


@pytest.mark.parametrize(
    ("trial", "phase", "number"),
    [
        ("search-0014", "search", 14),
        ("search-12345", "search", 12345),
        ("baseline", "search", None),
        ("path-backward-0-best-s3", "ablation", 0),
        ("path-forward-12-a-1=2-s3", "ablation", 12),
        ("ablation-dropout=0.1-find-s3", "ablation", None),
        ("ablation-path-x-3-s3", "ablation", None),
        ("tune-dropout=0.1-find*3.162", "tune", None),
        ("search-0014", "unheard of", None),
    ],
)
def test_names_of_trials_say_the_number_of_a_search_trial_and_of_a_paths_step(trial, phase, number):
    assert number_in(trial, phase) == number
