from records import epoch_of_classes

from ablate.plans import SteppedPlan, ablation_specs
from ablate.study.trial import Outcome


def test_the_plan_hands_out_what_is_not_known_yet_and_each_once(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    plan = SteppedPlan(lambda _: specs, known={specs[0].trial: Outcome(specs[0].trial, "finished")})
    assert [*plan.ask(2), *plan.ask(100)] == specs[1:]
    assert plan.ask(1) == []


def test_a_stepped_plan_asks_its_rule_again_when_a_trial_is_settled(tiny_study):
    first, second, third = ablation_specs(tiny_study, tiny_study.baseline)[:3]

    def rule(outcomes):
        return [first, second, third] if first.trial in outcomes else [first, second]

    plan = SteppedPlan(rule, known={second.trial: Outcome(second.trial, "finished")})
    assert plan.ask(5) == [first]
    assert plan.ask(5) == []
    assert plan.report(epoch_of_classes(first.trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
    plan.tell(Outcome(first.trial, "killed"))
    assert plan.ask(5) == []
    plan.tell(Outcome(first.trial, "diverged"))
    assert plan.ask(5) == [third]
    assert set(plan.outcomes) == {first.trial, second.trial}
