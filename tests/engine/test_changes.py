from ablate.engine.changes import changes, not_looked_up
from ablate.space import Choice, Space


def study_with(tiny_study, *, conditions=None, resting=None, recipes=None):
    """Of a user's model with the factors kind and width, beside the optimizer."""
    dimensions = {"kind": Choice(("a", "b")), "width": Choice((16, 32)), "optimizer": Choice(("sgd", "adam"))}
    space = Space(dimensions, conditions or {}, resting or {})
    baseline = {"kind": "a", "width": 16, "optimizer": "adam", "learning_rate": 0.01}
    changed = {"space": space, "baseline": baseline, "recipes": recipes or {}}
    return tiny_study.model_copy(update=changed)


def test_each_level_and_each_recipe_is_a_change(tiny_study):
    study = study_with(tiny_study, recipes={"wide": {"kind": "b", "width": 32}})
    named = {name: (factors["kind"], factors["width"], factors["optimizer"]) for name, factors in changes(study)}
    assert named == {
        "kind=b": ("b", 16, "adam"), "width=32": ("a", 32, "adam"), "optimizer=sgd": ("a", 16, "sgd"),
        "recipe=wide": ("b", 32, "adam"),
    }  # fmt: skip


def test_a_factor_that_no_build_looks_up_is_said_but_for_those_of_the_engine(tiny_study):
    study = study_with(tiny_study)
    assert not_looked_up(study, {"kind", "width"}, n=3) == ()
    (one,) = not_looked_up(study, {"kind"}, n=3)
    assert (
        one
        == "build did not look at the factor width (configurations tried: 3), so its levels would give identical runs"
    )
    (both,) = not_looked_up(study, set(), n=3)
    assert "the factors kind, width (" in both


def test_a_factor_that_counts_in_none_of_the_configurations_is_not_missed(tiny_study):
    study = study_with(tiny_study, conditions={"width": {"kind": ("c",)}}, resting={"width": 16})
    assert not_looked_up(study, {"kind"}, n=2) == ()
    study = study_with(tiny_study, conditions={"width": {"kind": ("b",)}}, resting={"width": 16})
    assert len(not_looked_up(study, {"kind"}, n=2)) == 1
