import pytest

from ablate.study.settings import LrTest
from ablate.training.ramp_plan import RampPlan, cost_said, plan_ramps, trial_steps


def reduced(trial_steps, **settings):
    plan = plan_ramps(LrTest(**settings), trial_steps=trial_steps)
    return plan.seeds, plan.steps_per_decade


def test_without_a_limit_a_test_is_three_ramps_of_25_steps_per_decade():
    plan = plan_ramps(LrTest())
    assert plan == RampPlan(low=1e-6, high=10.0, steps_per_decade=25, seeds=3)
    assert (len(plan.rates()), plan.n_steps(), plan.lag()) == (176, 528, 1.0)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (1509, (3, 25)),  # 35 % are 528 steps
        (1508, (3, 24)),
        (525, (3, 8)),  # 183 of 171
        (480, (2, 11)),  # 168: three ramps do not fit, two of 78 do
        (300, (2, 8)),  # 114 steps are the least
        (1, (2, 8)),
    ],
)
def test_points_are_reduced_first_then_seeds_down_to_two_coarse_ramps(own, expected):
    assert reduced(own) == expected


def test_a_test_takes_at_most_its_share_unless_it_is_the_shortest():
    for own in range(326, 2000, 7):
        assert plan_ramps(LrTest(), trial_steps=own).n_steps() <= 0.35 * own


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"seeds": 3}, (3, 8)),
        ({"seeds": 1}, (1, 8)),
        ({"steps_per_decade": 25}, (2, 25)),
        ({"steps_per_decade": 100, "seeds": 5}, (5, 100)),
        ({"share": 6.0}, (3, 25)),
    ],
)
def test_what_the_study_states_holds(settings, expected):
    assert reduced(100, **settings) == expected


def test_a_coarse_ramp_lowers_the_rates_found_and_a_fine_one_does_not():
    assert plan_ramps(LrTest(), trial_steps=100).lag() == pytest.approx((8 / 25) ** (1 / 3))
    assert plan_ramps(LrTest(steps_per_decade=100)).lag() == 1.0


def test_the_steps_of_a_trial_are_those_of_all_its_epochs_with_its_own_batch_size(tiny_study):
    assert trial_steps(tiny_study, {}, n_train=640) == 3 * 20
    assert trial_steps(tiny_study, {"batch_size": 64, "budget": 0.5}, n_train=641) == 3 * 11
    assert trial_steps(tiny_study, {}, n_train=10) == 3


def test_a_reduced_test_and_one_above_its_share_are_told(tiny_study):
    said = cost_said(tiny_study.model_copy(update={"lr_test": LrTest()}), n_train=640)
    assert said == (
        "a range test takes 190% of a trial's 60 training steps: 2 curves of 57 steps instead of 3 of 176, "
        "since trials are short; lr_test.seeds and lr_test.steps_per_decade set them"
    )
    stated = tiny_study.model_copy(update={"lr_test": LrTest(seeds=3, steps_per_decade=25)})
    assert cost_said(stated, n_train=640).startswith(
        "a range test takes 880% of a trial's 60 training steps: 3 curves of"
    )
    assert cost_said(tiny_study, n_train=640) == ""  # whose share is 9


def test_nothing_is_told_where_no_rate_is_found(tiny_study):
    carried = tiny_study.ablation.model_copy(update={"learning_rate": ("carry",)})
    baseline = {**tiny_study.baseline, "learning_rate": 0.1}
    study = tiny_study.model_copy(update={"baseline": baseline, "lr_test": LrTest()})
    assert cost_said(study, n_train=640)
    assert not cost_said(study.model_copy(update={"ablation": carried}), n_train=640)
