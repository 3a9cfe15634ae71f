import math
from dataclasses import replace

import pytest

from ablate.analysis.effects import effects_table
from ablate.experiment.interim import (
    _judged,
    best_entry,
    choice_of,
    count_states,
    front_facts,
    headline_metrics,
    open_contrasts,
    reference_so_far,
    typical_sd,
)
from ablate.storage.facts import Facts
from ablate.storage.journal import Entry
from ablate.study.trial import Label, Outcome, TrialSpec


def entry(trial: str, score, state="finished", phase="search") -> Entry:
    spec = TrialSpec(trial, Label(phase), 0, {"optimizer": trial})
    return Entry(spec, Outcome(trial, state, score=score), (), "")


ENTRIES = [
    entry("a", 0.5),
    entry("b", 0.7),
    entry("c", 0.7),
    entry("d", 0.9, "pruned"),
    entry("e", 0.9, phase="ablation"),
]


def test_the_best_is_the_first_finished_search_trial_with_the_highest_score():
    assert best_entry(ENTRIES).spec.trial == "b"
    assert best_entry([]) is None
    asked = [replace(one.spec, label=replace(one.spec.label, number=n)) for n, one in enumerate(ENTRIES)]
    numbered = [replace(one, spec=spec) for one, spec in zip(ENTRIES, asked, strict=True)]
    assert best_entry(reversed(numbered)).spec.trial == "b"  # whichever of the equal ones ended first


def test_the_reference_is_the_baseline_or_the_best_once_there_is_one(tiny_study):
    assert reference_so_far(tiny_study, ENTRIES) == tiny_study.baseline
    for kind, expected in (("best", {"optimizer": "b"}), ("both", tiny_study.baseline)):
        ablation = tiny_study.ablation.model_copy(update={"reference": kind})
        study = tiny_study.model_copy(update={"ablation": ablation})
        assert reference_so_far(study, ENTRIES) == expected
        assert reference_so_far(study, []) == tiny_study.baseline


def confirmed(differences: dict[int, float]) -> list[Entry]:
    """The reference at 0.5 with each seed, and a variant that differs from it by so much."""
    cells = [("reference", "", "", "", 0.0), ("a=1", "a", "1", "find", 1.0)]
    return [
        Entry(
            TrialSpec(
                f"{variant}-s{seed}", Label("ablation", variant, factor, level, mode), seed, {"a": level}, test=True
            ),
            Outcome(f"{variant}-s{seed}", "finished", score=0.5, metrics={"test_accuracy": 0.5 + share * difference}),
            (),
            "",
        )
        for seed, difference in differences.items()
        for variant, factor, level, mode, share in cells
    ]


@pytest.fixture
def facts(tiny_study, digits):
    return Facts(tiny_study, digits, "tiny", "ablate study tiny", 1, 1, "sqlite://", "2026-11-21T10:00:00+00:00")


def test_a_look_judges_by_the_seeds_that_it_had(facts):
    unclear = {seed: (-1) ** seed * 0.05 for seed in range(1, 8)}
    clear = {seed: 0.1 + 0.001 * seed for seed in range(8, 25)}
    entries = confirmed(unclear | clear)
    assert open_contrasts(entries, facts, seeds=(7, 24), look=1) == {("a=1", "find")}
    assert open_contrasts(entries, facts, seeds=(7, 24), look=2) == frozenset()


def test_the_typical_sd_is_that_of_the_paired_differences(facts):
    sd, metric = typical_sd(confirmed({1: 0.01, 2: 0.03}), facts)
    assert (round(sd.sd, 4), sd.contrasts, sd.seeds, metric.name) == (0.0141, 1, 2, "test_accuracy")
    assert math.isnan(typical_sd([], facts)[0].sd)


def test_states_are_counted_and_the_headline_has_the_best():
    assert count_states(ENTRIES) == {"finished": 4, "pruned": 1}
    assert headline_metrics(ENTRIES) == {"trials_finished": 4, "best_score": 0.7}
    assert headline_metrics([]) == {"trials_finished": 0}


def test_intervals_of_folds_are_wider_by_the_shared_training_examples(facts):
    results, metric = _judged(confirmed(dict(enumerate((0.02, 0.03, 0.01, 0.02, 0.05, 0.03), start=1))), facts)
    plain = effects_table(results, metric).iloc[0]
    folds = effects_table(results, metric, overlap=0.25).iloc[0]
    half, of_folds = ((row["high"] - row["low"]) / 2 for row in (plain, folds))
    assert of_folds / half == pytest.approx(math.sqrt((1 / 6 + 0.25) / (1 / 6)))
    assert (folds["test"], folds["sd"]) == ("folds", plain["sd"])


def sized(trial: str, score: float, parameters: int) -> Entry:
    spec = TrialSpec(trial, Label("search"), 0, {"optimizer": trial})
    return Entry(spec, Outcome(trial, "finished", score=score, parameters=parameters), (), "")


SIZED = [sized("search-0", 0.90, 900), sized("search-1", 0.895, 300), sized("search-2", 0.6, 10)]


def with_objectives(facts: Facts, **search: object) -> Facts:
    search = {"objectives": ("accuracy", "parameters"), "tolerance": 0.01, **search}
    study = facts.study.model_copy(update={"search": facts.study.search.model_copy(update=search)})
    return replace(facts, study=study)


def test_the_best_of_several_objectives_is_chosen_on_the_front(facts):
    assert choice_of(facts)(SIZED).spec.trial == "search-0"
    facts = with_objectives(facts)
    assert choice_of(facts)(SIZED).spec.trial == "search-1"
    assert choice_of(facts)([]) is None
    assert choice_of(with_objectives(facts, tolerance=0.0))(SIZED).spec.trial == "search-0"
    front = front_facts(SIZED, facts)
    assert (front.objectives, front.tolerance, front.chosen) == (["accuracy", "parameters"], 0.01, "search-1")
    assert front_facts([], facts).chosen is None
    search = facts.study.search.model_copy(update={"trials": 0})
    without = replace(facts, study=facts.study.model_copy(update={"search": search}))
    assert front_facts([], without) is None
    assert front_facts(SIZED, without) == front  # of a search before the setting was changed


def test_the_reference_of_several_objectives_is_the_chosen_one(facts):
    facts = with_objectives(facts)
    ablation = facts.study.ablation.model_copy(update={"reference": "best"})
    study = facts.study.model_copy(update={"ablation": ablation})
    assert reference_so_far(study, SIZED, choice_of(facts)) == {"optimizer": "search-1"}
    assert headline_metrics(SIZED)["best_score"] == 0.90  # the score's best stays that


def test_one_objective_has_no_front(facts):
    assert front_facts(SIZED, facts) is None
