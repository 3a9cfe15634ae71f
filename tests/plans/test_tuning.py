from math import log10, nan

import pytest

from ablate.plans import SteppedPlan, Tuning, ablation_cells, references
from ablate.study.rate import parse_rate
from ablate.study.trial import Outcome

GRID = ["find*0.1", "find*0.3162", "find", "find*3.162", "find*10"]


def place(spec) -> float:
    """The rate as a multiple of what is found, in decades."""
    return log10(parse_rate(spec.factors["learning_rate"]).multiplier)


def tuning_of(study, *, chance=0.1, best=None):
    compared = references(study, study.baseline, best)
    return Tuning(ablation_cells(study, compared, {}), compared, chance=chance)


def test_reference_and_variants_get_the_same_five_points_on_the_validation_set(make_study, drive, scored):
    study = make_study(learning_rate=("find", "tune"))
    tuning = tuning_of(study)
    specs = drive(SteppedPlan(tuning.wanted, known={}), scored(lambda spec: 0.9 - place(spec) ** 2))
    assert len(tuning) == 3  # the learning rate's own variants take a multiple of the reference's
    assert len(specs) == 15
    for variant in ("reference", "normalization=batch", "optimizer=sgd"):
        mine = [spec for spec in specs if spec.label.variant == variant]
        assert [spec.factors["learning_rate"] for spec in mine] == GRID
        assert [spec.trial for spec in mine] == [f"tune-{variant}-{level}" for level in GRID]
        assert [spec.label.number for spec in mine] == [-2, -1, 0, 1, 2]
    assert {(s.label.phase, s.label.mode, s.seed, s.test, s.label.design) for s in specs} == {
        ("tune", "tune", 0, False, "")
    }


def test_a_rate_that_diverges_is_never_the_best_where_guessing_is_unknown(make_study, drive):
    study = make_study(learning_rate=("tune",), factors=("normalization",))
    tuning = tuning_of(study, chance=nan)

    def outcome(spec):
        is_lost = place(spec) <= 0
        return Outcome(spec.trial, "diverged") if is_lost else Outcome(spec.trial, "finished", score=-9 - place(spec))

    plan = SteppedPlan(tuning.wanted, known={})
    drive(plan, outcome)
    rates = tuning.rates(plan.outcomes)
    assert {rate.level for rate in rates} == {"find*3.162"}
    assert rates[0].to_json()["values"]["find"] is None


def test_the_best_rates_go_into_the_cells(make_study, drive, scored):
    study = make_study(learning_rate=("tune",), seeds=1)
    tuning, wanted = tuning_of(study), {"reference": 0.5, "normalization=batch": -0.5, "optimizer=sgd": 0.0}
    plan = SteppedPlan(tuning.wanted, known={})
    drive(plan, scored(lambda spec: -abs(place(spec) - wanted[spec.label.variant])))
    cells = ablation_cells(study, {"reference": study.baseline}, tuning.tuned(plan.outcomes))
    assert {cell.variant: cell.factors["learning_rate"] for cell in cells} == {
        "reference": "find*3.162",
        "normalization=batch": "find*0.3162",
        "optimizer=sgd": "find",
        "learning_rate=find*0.3": "find*0.9486",
    }


def test_a_grid_grows_where_the_best_is_an_end_and_three_points_at_most(make_study, drive, scored):
    study = make_study(learning_rate=("tune",), factors=("normalization", "optimizer"))
    peaks = {"reference": 1.5, "normalization=batch": 9.0, "optimizer=sgd": -1.0}
    tuning = tuning_of(study)
    plan = SteppedPlan(tuning.wanted, known={})
    specs = drive(plan, scored(lambda spec: -abs(place(spec) - peaks[spec.label.variant])))
    rates = {rate.cell.variant: rate for rate in tuning.rates(plan.outcomes)}
    assert {name: (r.level, r.extensions, r.at_edge) for name, r in rates.items()} == {
        "reference": ("find*31.62", 2, False),
        "normalization=batch": ("find*316.2", 3, True),
        "optimizer=sgd": ("find*0.1", 1, False),
    }
    assert len(specs) == 15 + 2 + 3 + 1
    said = rates["optimizer=sgd"].to_json()
    values = said.pop("values")
    assert said == {"variant": "optimizer=sgd", "level": "find*0.1", "extensions": 1, "at_edge": False}
    assert list(values) == ["find*0.03162", *GRID]
    assert list(values.values()) == pytest.approx([-0.5, 0.0, -0.5, -1.0, -1.5, -2.0], abs=1e-3)


def test_equals_stay_near_the_middle_and_what_diverges_counts_as_guessing(make_study, drive, scored):
    study = make_study(learning_rate=("tune",), factors=("optimizer",))
    sgd = {"find*0.1": None, "find*0.3162": 0.7, "find": 0.05, "find*3.162": 0.7, "find*10": None}
    scores = {"reference": dict.fromkeys(GRID, None), "optimizer=sgd": sgd}
    tuning = tuning_of(study, chance=0.1)
    plan = SteppedPlan(tuning.wanted, known={})
    drive(plan, scored(lambda spec: scores[spec.label.variant][spec.factors["learning_rate"]]))
    found = {rate.cell.variant: rate for rate in tuning.rates(plan.outcomes)}
    assert (found["reference"].level, found["reference"].extensions) == ("find", 0)
    assert found["optimizer=sgd"].level == "find*0.3162"
    assert list(found["optimizer=sgd"].values.values()) == [0.1, 0.7, 0.05, 0.7, 0.1]


def test_a_typed_rate_is_tuned_around_that_number_for_all(make_study, drive, scored):
    study = make_study(learning_rate=("tune",), factors=("optimizer",), baseline={"learning_rate": 0.001})
    plan = SteppedPlan(tuning_of(study).wanted, known={})
    specs = drive(plan, scored(lambda spec: -abs(log10(spec.factors["learning_rate"]) + 3)))
    for variant in ("reference", "optimizer=sgd"):
        rates = [spec.factors["learning_rate"] for spec in specs if spec.label.variant == variant]
        assert rates == [0.0001, 0.0003162, 0.001, 0.003162, 0.01]


def test_each_end_is_tuned_from_its_own_rate_and_one_configuration_once(make_study):
    study = make_study(
        learning_rate=("tune",), reference="both", factors=("normalization",), design=("one-factor", "factorial"),
        factorial=("normalization", "optimizer"),
    )  # fmt: skip
    best = {**study.baseline, "normalization": "batch", "learning_rate": "find*0.5"}
    tuning = tuning_of(study, best=best)
    first_of_all = list(tuning.wanted({}))[: len(tuning)]
    assert {spec.label.variant: spec.factors["learning_rate"] for spec in first_of_all} == {
        "reference": "find*0.1",
        "best": "find*0.05",
        "normalization=batch": "find*0.1",
        "best: normalization=none": "find*0.05",
        "normalization=none, optimizer=sgd": "find*0.1",
        "normalization=batch, optimizer=sgd": "find*0.1",
    }


def test_tuning_that_was_interrupted_goes_on_as_it_would_have(make_study, check_resume, scored):
    study = make_study(learning_rate=("tune",), factors=("optimizer",))
    peaks = {"reference": 1.5, "optimizer=sgd": -9.0}
    tuning = tuning_of(study)
    outcome = scored(lambda spec: -abs(place(spec) - peaks[spec.label.variant]))
    assert len(check_resume(lambda known: SteppedPlan(tuning.wanted, known=known), outcome)) == 15


def test_an_unsettled_grid_has_no_rate_yet(make_study, drive, scored):
    study = make_study(learning_rate=("tune",), factors=("optimizer",))
    tuning = tuning_of(study)
    plan = SteppedPlan(tuning.wanted, known={})
    drive(plan, scored(lambda spec: -(place(spec) ** 2)), at_once=1, at_most=9)
    assert [rate.cell.variant for rate in tuning.rates(plan.outcomes)] == ["reference"]
