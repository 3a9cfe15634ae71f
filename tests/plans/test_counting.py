from ablate.plans import TrialCount, count_trials, looks_of
from ablate.study.space import Choice, Space

NONE = TrialCount(0, 0)


def test_the_default_is_known_before_the_start(make_study):
    study = make_study(seeds=2)
    assert count_trials(study, best=None) == {
        "search": TrialCount(4, 4), "tune": NONE, "ablation": TrialCount(8, 8), "path": NONE,
    }  # fmt: skip


def test_without_seeds_only_the_search_is_left(make_study):
    assert count_trials(make_study(seeds=0), best=None) == {
        "search": TrialCount(4, 4), "tune": NONE, "ablation": NONE, "path": NONE,
    }  # fmt: skip


def test_tuning_has_five_to_eight_trials_a_configuration(make_study):
    study = make_study(seeds=3, learning_rate=("find", "tune"), factors=("optimizer",))
    counted = count_trials(study, best=None)
    assert counted["tune"] == TrialCount(2 * 5, 2 * 8)
    assert counted["ablation"] == TrialCount(4 * 3, 4 * 3)  # two references, and the variant in two modes


def test_open_comparisons_may_get_all_seeds_and_a_factorial_does_not(make_study):
    study = make_study(
        seeds="auto", max_seeds=20, looks=2, design=("one-factor", "factorial"), factors=("optimizer",),
        factorial=("normalization", "optimizer"),
    )  # fmt: skip
    first = looks_of(study)[0]
    assert count_trials(study, best=None)["ablation"] == TrialCount((2 + 4) * first, 2 * 20 + 4 * first)


def test_a_path_has_fewer_candidates_at_each_step(make_study):
    space = Space({name: Choice(("off", "on")) for name in "abc"})
    study = make_study(space=space, baseline=dict.fromkeys("abc", "off"), design=("path",), seeds=2)
    best = {**study.baseline, **dict.fromkeys("abc", "on")}
    assert count_trials(study, best=best)["path"] == TrialCount(2 * (1 + 3 + 2 + 1) * 2, 28)
    assert count_trials(study, best=None)["path"] == TrialCount(0, 28)  # it may be the baseline, or differ in all three


def test_what_depends_on_the_best_is_a_range_that_the_search_narrows(make_study, momentum_space):
    study = make_study(
        reference="both", seeds=1, baseline={"momentum": 0.0, "layers": 2}, space=momentum_space, factors=("layers",)
    )
    before = count_trials(study, best=None)["ablation"]
    assert before.least == 2  # the best is the baseline: reference and layers=4
    after = count_trials(study, best={**study.baseline, "layers": 7})["ablation"]
    # reference, best, layers=4, layers=7, and from the best layers=2 and layers=4
    assert after == TrialCount(6, 6)
    assert before.most >= after.most


def test_counts_add_up_and_read_well():
    total = sum(count_trials_like(), NONE)
    assert str(total) == "1,005 to 1,008"
    assert str(TrialCount(12, 12)) == "12"


def count_trials_like():
    return [TrialCount(1000, 1000), TrialCount(5, 8)]
