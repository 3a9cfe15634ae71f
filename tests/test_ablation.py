from ablate.ablation import AblationPlan, ablation_specs
from ablate.records import Outcome


def cells(specs):
    return {(spec.variant, spec.mode) for spec in specs}


def test_every_other_level_is_compared_with_the_reference_on_the_same_seeds(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    assert cells(specs) == {
        ("reference", ""),
        ("normalization=batch", "find"),
        ("optimizer=sgd", "find"),
        ("learning_rate=find*0.3", "find"),
    }
    for cell in cells(specs):
        assert [s.seed for s in specs if (s.variant, s.mode) == cell] == [1, 2]
    assert all(spec.test for spec in specs)
    assert len({spec.trial for spec in specs}) == len(specs)


def test_all_variants_come_seed_by_seed(tiny_study):
    seeds = [spec.seed for spec in ablation_specs(tiny_study, tiny_study.baseline)]
    assert seeds == sorted(seeds)


def test_carry_uses_the_rate_of_the_reference_and_find_a_rate_of_its_own(tiny_study):
    both = tiny_study.ablation.model_copy(update={"learning_rate": ("carry", "find")})
    study = tiny_study.model_copy(update={"ablation": both})
    specs = {(s.variant, s.mode): s for s in ablation_specs(study, study.baseline) if s.seed == 1}
    assert specs["optimizer=sgd", "carry"].rate_factors == study.baseline
    assert specs["optimizer=sgd", "find"].rate_factors is None
    assert len([key for key in specs if key[0] == "reference"]) == 1


def test_find_gives_a_variant_the_references_multiple_of_its_own_rate(tiny_study):
    reference = {**tiny_study.baseline, "learning_rate": "find*0.5"}
    specs = {s.variant: s for s in ablation_specs(tiny_study, reference)}
    assert specs["optimizer=sgd"].factors["learning_rate"] == "find*0.5"


def test_a_typed_rate_is_still_found_for_the_variants_in_mode_find(tiny_study):
    reference = {**tiny_study.baseline, "learning_rate": 0.01}
    specs = {s.variant: s for s in ablation_specs(tiny_study, reference)}
    assert specs["reference"].factors["learning_rate"] == 0.01
    assert specs["optimizer=sgd"].factors["learning_rate"] == "find"


def test_the_plan_hands_out_what_is_not_known_yet_and_each_once(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    plan = AblationPlan(specs, known={specs[0].trial: Outcome(specs[0].trial, "finished")})
    assert [*plan.ask(2), *plan.ask(100)] == specs[1:]
    assert plan.ask(1) == []
