from dataclasses import replace

from records import epoch_of_classes

from ablate.experiment.events import PartBegan, Stopping, TrialBegan, TrialEnded, TrialLost
from ablate.experiment.progress import Progress, configuration, name_of
from ablate.study.trial import Label, Outcome, TrialSpec

FACTORS = {"normalization": "batch", "activation": "elu", "optimizer": "nadam", "learning_rate": "find"}
SEARCH = TrialSpec("search-0014", Label("search", number=14), 0, FACTORS)
ABLATION = TrialSpec("ablation-x", Label("ablation", "dropout=0.1", "dropout", "0.1", "find"), 3, FACTORS)


def under_way() -> Progress:
    """Half of the epochs of the first of ten trials have been."""
    progress = Progress(epochs=4)
    progress.take(PartBegan("ablation", 10, 0, None))
    progress.take(TrialBegan(ABLATION))
    for n in (1, 2):
        progress.take(epoch_of_classes(ABLATION.trial, n, 1.0, 0.4, 1.1, 0.5, 6e-4, 2.0))
    return progress


def test_states_are_counted_but_what_was_interrupted_is_not_done():
    progress = Progress()
    for event in (
        PartBegan("ablation", 8, 0, None),
        TrialBegan(ABLATION),
        TrialEnded(ABLATION, Outcome("ablation-x", "diverged")),
        TrialEnded(ABLATION, Outcome("ablation-x", "killed")),
    ):
        progress.take(event)
    assert (progress.part, progress.done, progress.trials, progress.running) == ("ablation", 1, 8, {})
    assert progress.counts() == "1 diverged, 1 killed"
    assert progress.seconds_left() is None


def test_what_is_tried_again_is_counted_and_runs_no_more():
    progress = Progress()
    for event in (PartBegan("ablation", 8, 0, None), TrialBegan(ABLATION), TrialLost(ABLATION, "its process died")):
        progress.take(event)
    assert (progress.done, progress.running, progress.counts()) == (0, {}, "1 retried")
    progress.take(TrialEnded(ABLATION, Outcome("ablation-x", "failed")))
    assert progress.counts() == "1 failed, 1 retried"
    progress.take(PartBegan("path", 8, 0, None))
    assert progress.counts() == ""


def test_what_another_study_trained_says_nothing_of_the_pace():
    progress = Progress()
    progress.take(PartBegan("ablation", 10, 0, None))
    for _ in range(4):
        progress.take(TrialEnded(ABLATION, Outcome("ablation-x", "finished", same_as="other/ablation-x")))
    assert progress.seconds_left() is None
    for _ in range(3):
        progress.take(TrialEnded(ABLATION, Outcome("ablation-x", "finished")))
    progress.began -= 30
    assert 29 < progress.seconds_left() < 31  # three in 30 seconds, three to go


def test_the_epochs_of_long_trials_say_how_long_it_takes_before_the_first_has_ended():
    progress = under_way()
    assert progress.seconds_left() is None  # of two minutes, starting may have taken most
    progress.began -= 300
    assert 5700 <= progress.seconds_left() < 5710  # half a trial in five minutes, nine and a half to go
    progress.take(Stopping())
    assert progress.seconds_left() is None


def test_a_part_that_grows_takes_its_new_size():
    progress = Progress()
    progress.take(PartBegan("tune", 1, 0, None))
    for _ in range(2):
        progress.take(TrialEnded(ABLATION, Outcome("ablation-x", "finished")))
    assert (progress.done, progress.trials) == (2, 2)


def test_trials_and_configurations_have_short_names():
    assert name_of(SEARCH) == "#14"
    assert name_of(ABLATION) == "dropout=0.1 (find) seed 3"
    tuned = replace(
        ABLATION, label=replace(ABLATION.label, phase="tune"), factors={**FACTORS, "learning_rate": "find*0.3162"}
    )
    assert name_of(tuned) == "dropout=0.1 at find*0.3162"
    assert configuration(FACTORS, 6.1e-4) == "batch · elu · nadam 0.00061"
    unnamed = {name: level for name, level in FACTORS.items() if name != "optimizer"}
    assert configuration(unnamed, 6.1e-4) == "batch · elu · 0.00061"
