from ablate.experiment.preview.preview import StudyPreview
from ablate.interface.display.rounds import rounds_said
from ablate.study.settings import Search

CIFAR = {"search": [4] * 6, "ablation": [117]}


def said(waves, left=None, *, workers, search=None, done=None):
    preview = StudyPreview({}, done or {}, [], 0, 0, 1, (9,), waves=waves, waves_left=waves if left is None else left)
    return rounds_said(preview, search or Search(trials=24), workers=workers)


def test_nothing_is_said_where_all_workers_have_work():
    assert said(CIFAR, workers=4) == []
    assert said({"search": [32] * 3}, workers=32, search=Search(trials=96, trials_per_round=32)) == []
    assert said(CIFAR, {}, workers=32) == []  # nothing is left
    assert said(CIFAR, {"ablation": [3]}, workers=32) == []  # the rest of a wide part
    assert said({"path": [48, 30, 12]}, workers=8) == []


def test_the_plan_says_the_rounds_what_limits_them_and_what_to_set():
    assert said(CIFAR, workers=32) == [
        "rounds    32 workers need about 10 rounds of trials, if all take equally long: search 6 and ablation 4",
        "          the search asks for 4 trials at a time",
        "          search.trials_per_round = 24 in the study file makes it 5; this changes the search:",
        "          all its trials are then chosen before any result",
    ]


def test_a_wider_round_learns_from_results_less_often():
    lines = said({"search": [4] * 25}, workers=8, search=Search(trials=100))
    assert lines[0] == "rounds    8 workers need about 25 rounds of trials, if all take equally long"
    assert lines[2:] == [
        "          search.trials_per_round = 8 in the study file makes it 13; this changes the search:",
        "          it then learns from results after 8 trials, not 4",
    ]


def test_a_search_that_has_begun_is_not_to_be_changed():
    lines = said(CIFAR, {"search": [4] * 5, "ablation": [117]}, workers=32, done={"search": 4})
    assert lines[0].startswith("rounds    32 workers need about 9 rounds")
    assert lines[1:] == ["          the search asks for 4 trials at a time"]


def test_a_search_of_all_trials_at_once_has_nothing_to_set():
    lines = said({"search": [24]}, workers=32, search=Search(trials=24, trials_per_round=24))
    assert lines[1:] == ["          the search asks for 24 trials at a time"]


def test_narrow_steps_of_other_parts_are_named():
    waves = {"tune": [10, 2, 2, 2], "ablation": [18], "path": [48, 30, 12]}
    assert said(waves, workers=20, search=Search(trials=0)) == [
        "rounds    20 workers need about 11 rounds of trials, if all take equally long: tune 4, ablation 1 and path 6",
        "          tuning has 10 trials at once",
        "          the comparisons have 18 trials at once",
        "          a path walks one step at a time: 48 down to 12 trials at once",
    ]
