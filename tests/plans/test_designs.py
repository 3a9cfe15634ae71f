import pytest

from ablate.errors import StudyError
from ablate.plans import ablation_cells, ablation_specs, references


def cells(specs):
    return {(spec.label.variant, spec.label.mode) for spec in specs}


def test_every_other_level_is_compared_with_the_reference_on_the_same_seeds(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    assert cells(specs) == {
        ("reference", ""),
        ("normalization=batch", "find"),
        ("optimizer=sgd", "find"),
        ("learning_rate=find*0.3", "find"),
    }
    for cell in cells(specs):
        assert [s.seed for s in specs if (s.label.variant, s.label.mode) == cell] == [1, 2]
    assert all(spec.test and spec.label.design == "one-factor" for spec in specs)
    assert {spec.label.against for spec in specs if spec.label.factor} == {"reference"}
    assert len({spec.trial for spec in specs}) == len(specs)


def test_carry_uses_the_rate_of_the_reference_and_find_a_rate_of_its_own(make_study):
    study = make_study(learning_rate=("carry", "find"))
    specs = {(s.label.variant, s.label.mode): s for s in ablation_specs(study, study.baseline) if s.seed == 1}
    assert specs["optimizer=sgd", "carry"].rate_factors == study.baseline
    assert specs["optimizer=sgd", "find"].rate_factors is None
    assert len([key for key in specs if key[0] == "reference"]) == 1


def test_find_gives_a_variant_the_references_multiple_of_its_own_rate(tiny_study):
    reference = {**tiny_study.baseline, "learning_rate": "find*0.5"}
    specs = {s.label.variant: s for s in ablation_specs(tiny_study, reference)}
    assert specs["optimizer=sgd"].factors["learning_rate"] == "find*0.5"
    assert specs["reference"].label.mode == ""


def test_a_typed_rate_is_found_in_mode_find_for_the_variants_and_for_their_reference(make_study):
    study = make_study(learning_rate=("carry", "find"), seeds=1, factors=("optimizer",))
    specs = ablation_specs(study, {**study.baseline, "learning_rate": 0.01})
    assert [(s.trial, s.factors["learning_rate"]) for s in specs] == [
        ("ablation-reference-s1", 0.01),
        ("ablation-reference-find-s1", "find"),
        ("ablation-optimizer=sgd-carry-s1", 0.01),
        ("ablation-optimizer=sgd-find-s1", "find"),
    ]


def test_tuned_rates_stand_in_the_cells_of_mode_tune_and_a_multiple_multiplies_the_references(make_study):
    from ablate.plans.cells import configuration_key

    study = make_study(learning_rate=("find", "tune"), seeds=1, factors=("optimizer", "learning_rate"))
    tuned = {
        configuration_key(study.baseline): "find*0.1",
        configuration_key({**study.baseline, "optimizer": "sgd"}): "find*3.162",
    }
    found = ablation_cells(study, {"reference": study.baseline}, tuned)
    assert [(c.variant, c.mode, c.factors["learning_rate"]) for c in found] == [
        ("reference", "", "find"),
        ("reference", "tune", "find*0.1"),
        ("optimizer=sgd", "find", "find"),
        ("learning_rate=find*0.3", "find", "find*0.3"),
        ("optimizer=sgd", "tune", "find*3.162"),
        ("learning_rate=find*0.3", "tune", "find*0.03"),
    ]


def test_from_both_ends_levels_are_added_to_the_baseline_and_taken_from_the_best(make_study):
    study = make_study(reference="both", factors=("normalization", "learning_rate"))
    best = {**study.baseline, "normalization": "batch", "optimizer": "sgd", "learning_rate": "find*2"}
    found = ablation_cells(study, references(study, study.baseline, best), {})
    assert [(c.variant, c.against, c.factor, c.level) for c in found] == [
        ("reference", "", "", ""),
        ("best", "reference", "", ""),
        ("normalization=batch", "reference", "normalization", "batch"),
        ("learning_rate=find*0.3", "reference", "learning_rate", "find*0.3"),
        ("learning_rate=find*2", "reference", "learning_rate", "find*2"),  # the best one's, which ablate does not list
        ("best: normalization=none", "best", "normalization", "none"),
        ("best: learning_rate=find*0.3", "best", "learning_rate", "find*0.3"),
        ("best: learning_rate=find", "best", "learning_rate", "find"),
    ]
    by_name = {cell.variant: cell.factors for cell in found}
    assert by_name["best"] == best
    assert by_name["best: normalization=none"] == {**best, "normalization": "none"}


def test_a_level_that_the_search_chose_is_taken_back_from_the_best_alone_too(make_study, momentum_space):
    study = make_study(reference="best", baseline={"momentum": 0.0, "layers": 3}, space=momentum_space)
    best = {**study.baseline, "layers": 7}
    assert {c.variant for c in ablation_cells(study, references(study, study.baseline, best), {}) if c.factor} == {
        "optimizer=momentum", "layers=2", "layers=4", "layers=3", "learning_rate=find*0.3",
    }  # fmt: skip


def test_a_factor_that_does_not_count_is_not_varied_and_rests_when_its_condition_goes(make_study, momentum_space):
    study = make_study(reference="both", baseline={"momentum": 0.0, "layers": 2}, space=momentum_space)
    best = {**study.baseline, "optimizer": "momentum", "momentum": 0.5}
    found = {c.variant: c.factors for c in ablation_cells(study, references(study, study.baseline, best), {})}
    assert "momentum=0.5" not in found
    assert "momentum=0.9" not in found
    assert found["best: momentum=0.0"] == {**best, "momentum": 0.0}
    assert found["best: optimizer=adam"] == study.baseline


def test_a_recipe_sets_its_levels_together_on_each_reference_that_lacks_them(make_study):
    recipe = {"activation": "selu", "normalization": "none"}
    study = make_study(
        reference="both", recipes={"plain-selu": recipe}, factors=("optimizer",), learning_rate=("carry",)
    )
    best = {**study.baseline, **recipe}
    found = [c for c in ablation_cells(study, references(study, study.baseline, best), {}) if c.factor == "recipe"]
    assert [(c.variant, c.level, c.against) for c in found] == [("recipe=plain-selu", "plain-selu", "reference")]
    assert found[0].factors == {**study.baseline, **recipe}
    assert found[0].rate_factors == study.baseline


def test_without_the_best_there_is_nothing_to_compare_it_with(make_study):
    study = make_study(reference="both")
    assert list(references(study, study.baseline, dict(study.baseline))) == ["reference"]
    with pytest.raises(StudyError, match='"both" needs a finished search trial'):
        references(study, study.baseline, None)
