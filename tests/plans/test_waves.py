import pytest

from ablate.plans.counting import TrialCount
from ablate.plans.waves import n_rounds, path_waves, search_waves, waves_left
from ablate.study.settings import Ablation, Search

NONE = TrialCount(0, 0)


def counts(**most):
    return {part: TrialCount(most.get(part, 0), most.get(part, 0)) for part in ("search", "tune", "ablation", "path")}


def with_search(study, **search):
    return study.model_copy(update={"search": Search(**search)})


@pytest.mark.parametrize(("workers", "rounds"), [(1, 141), (2, 71), (8, 21), (32, 10), (117, 7), (1000, 7)])
def test_rounds_of_a_search_of_24_by_4_and_117_trials_of_an_ablation(tiny_study, workers, rounds):
    study, all_of_them = with_search(tiny_study, trials=24), counts(search=24, ablation=117)
    waves = waves_left(study, all_of_them, {"search": 24, "ablation": 117})
    assert waves == {"search": [4] * 6, "ablation": [117]}
    assert n_rounds([size for some in waves.values() for size in some], workers=workers) == rounds


@pytest.mark.parametrize(("size", "waves"), [(1, [1] * 10), (4, [4, 4, 2]), (10, [10]), (100, [10])])
def test_the_rounds_of_a_search(size, waves):
    assert search_waves(Search(trials=10, trials_per_round=size)) == waves


def test_what_is_done_is_left_out_from_the_front(tiny_study):
    study = with_search(tiny_study, trials=10)
    for done, waves in ((0, [4, 4, 2]), (4, [4, 2]), (5, [3, 2]), (9, [1])):
        assert waves_left(study, counts(search=10), {"search": 10 - done}) == {"search": waves}
    assert waves_left(study, counts(search=10), {"search": 0}) == {}


def test_a_path_trains_a_step_at_a_time_in_both_directions():
    # Three factors differ: the start and three flips, then two flips, then one; each twice, with two seeds.
    assert path_waves(2 * 2 * 7, n_seeds=2) == [16, 8, 4]
    assert path_waves(2 * 2 * 2, n_seeds=2) == [8]  # one flip
    assert path_waves(0, n_seeds=2) == path_waves(0, n_seeds=0) == []


def test_looks_and_extensions_of_grids_follow_one_another(tiny_study):
    study = tiny_study.model_copy(update={"ablation": Ablation(seeds="auto", max_seeds=20, looks=3)})
    all_of_them = {"search": NONE, "tune": TrialCount(10, 16), "ablation": TrialCount(18, 60), "path": NONE}
    waves = waves_left(study, all_of_them, {"tune": 16, "ablation": 60})
    assert waves["tune"] == [10, 2, 2, 2]
    assert (waves["ablation"][0], sum(waves["ablation"]), len(waves["ablation"])) == (18, 60, 3)
