import pytest

from ablate.errors import StudyError
from ablate.journal import Entry
from ablate.records import Outcome, TrialSpec
from ablate.standing import best_entry, chance_score, count_states, headline_metrics, reference_of, reference_so_far


def entry(trial: str, score, state="finished", phase="search") -> Entry:
    spec = TrialSpec(trial, phase, "", "", "", "", 0, {"optimizer": trial})
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


def test_guessing_scores_one_in_n_or_minus_the_entropy():
    assert chance_score(10, "val_accuracy") == 0.1
    assert chance_score(10, "val_loss") == pytest.approx(-2.302585)


def test_the_reference_is_the_baseline_or_the_best_and_the_best_must_be_there(tiny_study):
    assert reference_of(tiny_study, ENTRIES) == tiny_study.baseline
    on_best = tiny_study.model_copy(update={"ablation": tiny_study.ablation.model_copy(update={"reference": "best"})})
    assert reference_of(on_best, ENTRIES) == reference_so_far(on_best, ENTRIES) == {"optimizer": "b"}
    assert reference_so_far(on_best, []) == tiny_study.baseline
    with pytest.raises(StudyError, match="needs a finished search trial"):
        reference_of(on_best, [])


def test_states_are_counted_and_the_headline_has_the_best():
    assert count_states(ENTRIES) == {"finished": 4, "pruned": 1}
    assert headline_metrics(ENTRIES) == {"trials_finished": 4, "best_score": 0.7}
    assert headline_metrics([]) == {"trials_finished": 0}
