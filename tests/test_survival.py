"""Studies in processes of their own that are killed, stopped and disturbed, then resumed by the same command.

More of it, and at length: benchmarks/does_it_survive.py.
"""

import random
import sys

import pytest
from survival import stops, storage
from survival.acts import NotHereError
from survival.kills import Blow, check_life, live
from survival.phases import CLOSING, FREEZING, OPENING, STARTING, is_preparing, parts_of, phase_of
from survival.studies import Wholes, make_site
from survival.tables import compare

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    return Wholes(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.slow
@needs_proc
def test_a_study_killed_in_the_search_in_the_ablation_and_in_closing_ends_as_an_undisturbed_one(tmp_path, wholes):
    whole = wholes.of("small")
    blows = [Blow("search", 0.3, "parent"), Blow("ablation", 0.5, "worker"), Blow(CLOSING, 0.5, "all")]
    meant = iter(blows)
    with make_site(tmp_path / "killed") as site:
        life = live(site, whole, lambda _: next(meant, None), rng=random.Random(0))
        assert check_life(site, whole, life) == []
    assert [(done.phase, done.whom) for done in life.kills] == [(blow.phase, blow.whom) for blow in blows]
    assert life.lost  # a trial was under way in the search


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("name", ["function", "program"])
def test_a_study_of_user_code_killed_in_each_phase_ends_as_an_undisturbed_one(tmp_path, wholes, name):
    whole = wholes.of(name)
    phases = ["search", "tune", "ablation", "path", CLOSING]
    assert set(phases) <= set(whole.phases())
    blows = [Blow(phase, 0.5, ("parent", "worker", "all")[n % 3]) for n, phase in enumerate(phases)]
    meant = iter(blows)
    with make_site(tmp_path / "killed", name) as site:
        life = live(site, whole, lambda _: next(meant, None), rng=random.Random(0))
        assert check_life(site, whole, life) == []
    assert [done.phase for done in life.kills] == phases


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize(
    "fault",
    [
        stops.ctrl_c,
        stops.terminal_closed,
        storage.search_truncated,
        stops.second_refused,
        storage.disk_full,
        storage.store_half_made,
    ],
    ids=lambda fault: fault.__name__,
)
def test_a_fault_costs_nothing_but_time(tmp_path, wholes, fault):
    try:
        said = fault(tmp_path / "site", wholes)
    except NotHereError as err:
        pytest.skip(str(err))
    assert said == []


# What the tests above look with


EVENTS = [
    {"event": "opened"},
    {"event": "part", "part": "search"},
    {"event": "trial_began", "trial": "s0"},
    {"event": "epoch", "trial": "s0"},
    {"event": "trial_ended", "trial": "s0"},
    {"event": "part", "part": "ablation"},
    {"event": "trial_began", "trial": "a0"},
    {"event": "trial_ended", "trial": "a0"},
]


def test_events_say_the_phase_and_the_part_of_each_trial():
    parts = parts_of(EVENTS)
    assert parts == {"s0": "search", "a0": "ablation"}
    phases = [phase_of(EVENTS[:n], parts, ()) for n in range(len(EVENTS) + 1)]
    assert phases[:5] == [OPENING, STARTING, STARTING, "search", "search"]
    assert phases[5:] == [FREEZING, "ablation", "ablation", CLOSING]
    assert [is_preparing(EVENTS[:n]) for n in (2, 3, 4, 5)] == [False, True, False, False]


def test_a_resumed_run_is_where_its_journal_says():
    parts = parts_of(EVENTS)
    resumed = [EVENTS[0], EVENTS[1], EVENTS[5]]
    assert [phase_of(resumed[:n], parts, {"s0"}) for n in (1, 2, 3)] == [STARTING, FREEZING, STARTING]
    assert phase_of(resumed, parts, {"s0", "a0"}) == CLOSING


def test_tables_are_compared_to_the_bit():
    row = {"trial": "s0", "score": "0.25", "seconds": "1.0"}
    same = {"s0": {**row, "score": "0.250", "seconds": "2.0"}}
    other = {"s0": {**row, "score": "0.25000000000000006"}}
    assert compare(same, {"s0": row}, what="t", without=("seconds",)) == []
    assert compare(other, {"s0": row}, what="t", without=()) == [
        "t: s0: score is 0.25000000000000006, undisturbed 0.25"
    ]
    assert compare({}, {"s0": row}, what="t", without=()) == ["t: s0 is missing"]
    assert compare({"s0": row, "s1": row}, {"s0": row}, what="t", without=()) == ["t: s1 should not be there"]
