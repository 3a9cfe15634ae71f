import pytest

from ablate.errors import StudyError
from ablate.study.space import Choice, Space
from ablate.training.engine.examination import check_changes, not_looked_up


def study_with(tiny_study, *, conditions=None, inactive_levels=None, recipes=None):
    """Of a user's model with the factors kind and width, beside the optimizer."""
    dimensions = {"kind": Choice(("a", "b")), "width": Choice((16, 32)), "optimizer": Choice(("sgd", "adam"))}
    space = Space(dimensions, conditions or {}, inactive_levels or {})
    baseline = {"kind": "a", "width": 16, "optimizer": "adam", "learning_rate": 0.01}
    changed = {"space": space, "baseline": baseline, "recipes": recipes or {}}
    return tiny_study.model_copy(update=changed)


def test_a_factor_that_no_build_looks_up_is_said_but_for_those_of_the_engine(tiny_study):
    study = study_with(tiny_study)
    assert not_looked_up(study, {"kind", "width"}, n=3) == ()
    (one,) = not_looked_up(study, {"kind"}, n=3)
    assert (
        one == "build never reads the factor width (configurations tried: 3), so its levels would give identical runs"
    )
    (both,) = not_looked_up(study, set(), n=3)
    assert "the factors kind, width (" in both


def test_a_factor_that_counts_in_none_of_the_configurations_is_not_missed(tiny_study):
    study = study_with(tiny_study, conditions={"width": {"kind": ("c",)}}, inactive_levels={"width": 16})
    assert not_looked_up(study, {"kind"}, n=2) == ()
    study = study_with(tiny_study, conditions={"width": {"kind": ("b",)}}, inactive_levels={"width": 16})
    assert len(not_looked_up(study, {"kind"}, n=2)) == 1


def checked(study, examined):
    return check_changes(study, examined, kind=lambda f: (f["kind"], f["width"]), looked_up=set())


def test_one_model_of_each_kind_is_examined_and_a_fault_is_told_with_its_level(tiny_study):
    study, seen = study_with(tiny_study), []

    def examined(factors):
        seen.append((factors["kind"], factors["width"]))
        return {"kind", "width"}

    assert checked(study, examined) == ()
    assert seen == [("b", 16), ("a", 32)]

    def refused(factors):
        if factors["width"] == 32:
            raise StudyError("model: build returned a compiled model\n  leave it out")
        raise KeyError

    with pytest.raises(StudyError, match=r"^model.name: mlp with width=32: build returned a compiled model\n  leave"):
        checked(study, refused)


def test_where_user_code_fails_or_time_is_up_nothing_is_said_of_what_it_looks_up(tiny_study, monkeypatch):
    study = study_with(tiny_study)

    def fails(factors):
        if factors["width"] == 32:
            raise SystemExit(3)
        return set()

    assert len(checked(study, lambda _: set())) == 1
    assert checked(study, fails) == ()
    monkeypatch.setattr("ablate.training.engine.examination.CHECK_SECONDS", -1.0)
    assert checked(study, lambda _: set()) == ()
