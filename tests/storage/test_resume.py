import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from ablate.errors import DataError
from ablate.storage.conditions import Conditions, of_workers
from ablate.storage.resume import (
    ResumeCheck,
    StageReached,
    StartingConditions,
    judge_settings,
    notes_on,
    read_starting_conditions,
    refusal,
    resume_checks,
)
from ablate.study.load import load_study
from ablate.study.toml import to_toml

BEGUN, SEARCHED = StageReached(False, False, False), StageReached(True, False, False)
COMPARED, FROZEN = StageReached(True, True, False), StageReached(True, True, True)
TRAINED = "the finished trials used the old setting"
SEARCHED_OTHERWISE = "the search so far used the old setting"
ONLY_LEVELS = "a space may only change by new levels at the end of its list"
LEVELS_AS_THEY_WERE = "the search has started with the old levels"
VERSIONS = {"tensorflow": "2.20", "keras": "3.14", "numpy": "2.1"}
BASIS = StartingConditions(Conditions("p1", "m1", VERSIONS, "tensorflow", "CPU x", 1, 1, {}), "d1" * 8)


def changed(**ingredients: object) -> StartingConditions:
    return replace(BASIS, conditions=replace(BASIS.conditions, **ingredients))


@pytest.fixture
def judged(tiny_file):
    """What is said of overrides at a stage."""

    def judge(stage: StageReached, *overrides: str, before: tuple[str, ...] = ()) -> list[ResumeCheck]:
        old, new = (load_study(tiny_file, overrides=list(some), quick=False) for some in (before, overrides))
        return judge_settings(tomllib.loads(to_toml(old)), tomllib.loads(to_toml(new)), stage)

    return judge


@pytest.mark.parametrize("stage", [BEGUN, SEARCHED, COMPARED, FROZEN])
@pytest.mark.parametrize(
    "override",
    [
        "title=Another",
        "limits.trial_minutes=3",
        "limits.same_failures=0",
        "retries.killed=9",
        "training.keep=all",
        "training.backend=tensorflow",
    ],
)
def test_words_and_bounds_are_no_change(judged, override, stage):
    assert judged(stage, override) == []


@pytest.mark.parametrize("stage", [BEGUN, SEARCHED, COMPARED, FROZEN])
@pytest.mark.parametrize(
    ("override", "change", "against"),
    [
        ("seed=5", "seed 0 → 5", TRAINED),
        ("data.validation=201", "data.validation 200 → 201", TRAINED),
        ("data.scaling=none", "data.scaling standardize → none", TRAINED),
        ("model.width=17", "model.width 16 → 17", TRAINED),
        ("training.epochs=9", "training.epochs 3 → 9", TRAINED),
        ("lr_test.seeds=2", "lr_test.seeds 1 → 2", TRAINED),
        ("baseline.dropout=0.1", "baseline.dropout 0.0 → 0.1", TRAINED),
        ("search.sampler=random", "search.sampler tpe → random", SEARCHED_OTHERWISE),
        ("search.pruner=none", "search.pruner median → none", SEARCHED_OTHERWISE),
        ("search.trials_per_round=4", "search.trials_per_round 2 → 4", SEARCHED_OTHERWISE),
        ("search.trials=2", "search.trials 4 → 2", "search.trials can only increase"),
        ('space.normalization=["none"]', "space.normalization drops batch", ONLY_LEVELS),
        ('space.normalization=["batch", "none"]', "space.normalization has another order", ONLY_LEVELS),
        ('space.normalization=["none", "layer", "batch"]', "space.normalization adds layer", ONLY_LEVELS),
        ('space.activation=["relu"]', "space.activation unset → ['relu']", ONLY_LEVELS),
        ("space.learning_rate.span=[0.1, 2.0]", "space.learning_rate.span drops 3.0 and adds 2.0", ONLY_LEVELS),
        ("space.learning_rate.ablate=[0.5]", "space.learning_rate.ablate drops 0.3 and adds 0.5", ONLY_LEVELS),
    ],
)
def test_what_decided_the_trials_so_far_must_not_change(judged, override, change, against, stage):
    assert judged(stage, override) == [ResumeCheck(change, against)]


@pytest.mark.parametrize(
    ("override", "change"),
    [
        ("search.trials=9", "search.trials 4 → 9"),
        ("ablation.seeds=3", "ablation.seeds 2 → 3"),
        ("ablation.seeds=1", "ablation.seeds 2 → 1"),
        ("ablation.reference=both", "ablation.reference baseline → both"),
        ('ablation.learning_rate=["find", "carry"]', "ablation.learning_rate adds carry"),
        ("ablation.margin=0.02", "ablation.margin unset → 0.02"),
        ("space.learning_rate.ablate=[0.3, 2.0]", "space.learning_rate.ablate adds 2.0"),
    ],
)
def test_what_comes_after_the_search_may_change_until_trials_of_it_have_ended(judged, override, change):
    for stage in (BEGUN, SEARCHED):
        assert judged(stage, override) == [ResumeCheck(change, "")]
    assert judged(COMPARED, override) == [ResumeCheck(change, "trials of the old comparisons have ended")]
    declared = "the comparisons were preregistered before the test set was read"
    assert judged(FROZEN, override) == [ResumeCheck(change, declared)]


def test_the_objectives_of_a_search_must_not_change(judged):
    two, three = (f'search.objectives=["accuracy", {more}]' for more in ('"parameters"', '"parameters", "seconds"'))
    for stage in (BEGUN, SEARCHED, COMPARED, FROZEN):
        (change,) = judged(stage, three, before=(two,))
        assert change == ResumeCheck("search.objectives adds seconds", SEARCHED_OTHERWISE)
        more = judged(stage, two)  # and with them the pruner
        assert ResumeCheck("search.objectives unset → ['accuracy', 'parameters']", SEARCHED_OTHERWISE) in more


def test_the_levels_of_a_list_may_grow_until_the_search_has_begun(judged):
    override, change = 'space.normalization=["none", "batch", "layer"]', "space.normalization adds layer"
    assert judged(BEGUN, override) == [ResumeCheck(change, "")]
    assert judged(SEARCHED, override) == [ResumeCheck(change, LEVELS_AS_THEY_WERE)]
    listed = 'space.normalization={{ levels = [{}], ablate = ["batch"] }}'
    before, after = (listed.format(some) for some in ('"none", "batch"', '"none", "batch", "layer"'))
    grown = "space.normalization.levels adds layer"
    assert judged(BEGUN, after, before=(before,)) == [ResumeCheck(grown, "")]
    assert judged(SEARCHED, after, before=(before,)) == [ResumeCheck(grown, LEVELS_AS_THEY_WERE)]


def test_a_range_that_was_not_ablated_may_get_levels_and_a_list_that_was_must_not_lose_them(judged):
    plain, ablated = (
        "space.dropout={ low = 0.0, high = 0.4 }",
        "space.dropout={ low = 0.0, high = 0.4, ablate = [0.2] }",
    )
    assert judged(SEARCHED, ablated, before=(plain,)) == [ResumeCheck("space.dropout.ablate unset → [0.2]", "")]
    every = 'space.dropout={ levels = [0.0, 0.2, 0.3], when = { optimizer = "sgd" } }'
    fewer = 'space.dropout={ levels = [0.0, 0.2, 0.3], ablate = [0.2], when = { optimizer = "sgd" } }'
    assert judged(SEARCHED, fewer, before=(every,)) == [ResumeCheck("space.dropout.ablate unset → [0.2]", ONLY_LEVELS)]
    other = every.replace('"sgd"', '"adam"')
    assert [one.against for one in judged(SEARCHED, other, before=(every,))] == [ONLY_LEVELS]


def test_the_order_of_the_factors_decides_the_search(tiny_file):
    tree = tomllib.loads(to_toml(load_study(tiny_file, overrides=[], quick=False)))
    other = {**tree, "space": dict(reversed(tree["space"].items()))}
    assert judge_settings(tree, other, BEGUN) == [ResumeCheck("space has another order", SEARCHED_OTHERWISE)]


def test_settings_that_an_older_version_did_not_have_count_as_unset(tiny_file):
    new = tomllib.loads(to_toml(load_study(tiny_file, overrides=[], quick=False)))
    old = {name: table for name, table in new.items() if name not in ("limits", "retries")}
    old["ablation"] = {name: value for name, value in new["ablation"].items() if name != "looks"}
    assert judge_settings(old, new, SEARCHED) == [ResumeCheck("ablation.looks unset → 3", "")]


def test_other_code_and_other_data_are_changes():
    assert resume_checks(
        BASIS, changed(model="m2"), code="my/models.py (or a file it imports)", data_is_told=False
    ) == [ResumeCheck("my/models.py (or a file it imports) has changed since the finished trials ran", "")]
    other = replace(BASIS, data="d2" * 8)
    change = ResumeCheck("the data: fingerprint d1d1d1d1 → d2d2d2d2", TRAINED)
    assert resume_checks(BASIS, other, code="", data_is_told=False) == [change]
    assert resume_checks(BASIS, other, code="", data_is_told=True) == []
    assert resume_checks(BASIS, changed(model=""), code="", data_is_told=False) == []


def test_other_versions_are_allowed_and_said():
    new = changed(package="p2", versions={**VERSIONS, "keras": "3.15", "tensorflow": ""})
    rounding = "numbers may differ, by rounding or more"
    assert list(notes_on(BASIS, new)) == [
        f"the study was started with tensorflow 2.20 and continues with none: {rounding}",
        f"the study was started with keras 3.14 and continues with 3.15: {rounding}",
        f"the study was started with a different version of ablate's code: {rounding}",
    ]
    assert list(notes_on(BASIS, BASIS)) == []


def test_a_basis_is_read_back_and_one_that_cannot_be_is_as_none(tmp_path, tiny_study):
    path, basis = (
        tmp_path / "begun.json",
        StartingConditions(of_workers(tiny_study, workers=2, threads=1), "f00", ("ä",)),
    )
    path.write_text(basis.to_text(), encoding="utf-8")
    assert read_starting_conditions(path) == basis
    assert set(basis.conditions.versions) == {"tensorflow", "keras", "numpy", "python"}
    endless = basis.to_text().replace('"threads": 1', '"threads": 1e400')
    for spoilt in ("", "[]", "{}", basis.to_text()[:40], '{"versions": 3}', "[" * 100_000, endless):
        path.write_text(spoilt)
        assert read_starting_conditions(path) is None
    path.write_bytes(b"\xff\xfe")
    assert read_starting_conditions(path) is None
    assert read_starting_conditions(tmp_path / "none.json") is None
    with pytest.raises(DataError, match=r"cannot be read: Is a directory\n  make it readable"):
        read_starting_conditions(tmp_path)


@pytest.mark.parametrize(
    ("judged", "lines"),
    [
        (
            [ResumeCheck("a 1 → 2", "")],
            [
                "x: the study has changed since these results were started: a 1 → 2",
                "  --continue resumes with the changed study; --fresh starts again, keeps the old folder under "
                "another name, and reuses identical trials from the cache; test scores that were read stay read",
            ],
        ),
        (
            [ResumeCheck("a 1 → 2", "because")],
            [
                "x: the study has changed since these results were started: a 1 → 2",
                "  because; --fresh starts again, keeps the old folder under another name, and reuses identical trials "
                "from the cache; test scores that were read stay read",
            ],
        ),
        (
            [ResumeCheck("a 1 → 2", "because"), ResumeCheck("b 3 → 4", "")],
            [
                "x: the study has changed since these results were started",
                "  a 1 → 2: because",
                "  b 3 → 4: can continue",
                "  --fresh starts again, keeps the old folder under another name, and reuses identical trials from "
                "the cache; test scores that were read stay read",
            ],
        ),
    ],
)
def test_a_refusal_says_each_change_whether_it_allows_going_on_and_the_ways_out(judged, lines):
    assert str(refusal(Path("x"), judged)).splitlines() == lines


def test_of_many_changes_ten_are_shown():
    lines = str(refusal(Path("x"), [ResumeCheck(f"a{n} 1 → 2", "") for n in range(14)])).splitlines()
    assert len(lines) == 13
    assert lines[10:12] == ["  a9 1 → 2: can continue", "  and 4 more"]
    assert lines[12].startswith("  --continue")


def test_a_recipe_may_come_in_setting_by_setting(judged):
    recipe = 'recipes.calm={ optimizer = "sgd", normalization = "batch" }'
    assert judged(SEARCHED, recipe) == [
        ResumeCheck("recipes.calm.optimizer unset → sgd", ""),
        ResumeCheck("recipes.calm.normalization unset → batch", ""),
    ]


def test_a_study_that_goes_on_with_another_backend_says_so_once():
    libraries = {"jax": "0.10.2", "jaxlib": "0.10.2", "keras": "3.14", "numpy": "2.1"}
    now = changed(backend="jax", versions=libraries)
    rounding = "numbers may differ, by rounding or more"
    assert list(notes_on(BASIS, now)) == [
        f"the study was started with backend tensorflow and continues with jax: {rounding}"
    ]
    assert resume_checks(BASIS, now, code="mine.py", data_is_told=False) == []
    newer = changed(backend="jax", versions=libraries | {"keras": "3.15"})
    assert any("keras 3.14 and continues with 3.15" in note for note in notes_on(BASIS, newer))
