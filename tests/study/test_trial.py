import json
from dataclasses import replace

from ablate.study.trial import Outcome, RateTest, TrialSpec

SPEC = TrialSpec("a", "ablation", "v", "f", "l", "carry", 1, {"learning_rate": "find", "dropout": 0.1}, {"x": 1}, True)
TEST = RateTest("k", (0.1, 0.2), (2.0, 1.5), {"valley": None}, 0.1, "undetermined", "flat", 1.0)


def test_specs_and_outcomes_survive_json():
    outcome = Outcome("a", "diverged", notes=("n",), timings={"train": 1.0}, rate_test=TEST)
    drawn = Outcome("a", "finished", initial_weights="0123456789abcdef")
    assert Outcome.from_json({"trial": "a", "state": "finished"}).initial_weights == ""  # of an older version
    for record in (drawn, SPEC, replace(SPEC, rate_factors=None), outcome, Outcome("a", "killed")):
        assert type(record).from_json(json.loads(json.dumps(record.to_json()))) == record
