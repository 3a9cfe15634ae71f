"""Where a study's examples go, and that a trial is the same wherever they are."""

from dataclasses import replace

import pytest
from backends import short_of_memory
from in_process import run_trial

from ablate.data.placement import Room
from ablate.data.shared import load_arrays, save_arrays
from ablate.errors import DataError, StudyError
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine import placing
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.examples import Resident, Streamed
from ablate.training.engine.placing import place_examples
from ablate.training.run_range_test import RateFinder

SMALL = Room(100_000)  # digits take 122 KB
SAID = "examples are streamed from disk: "


def test_examples_that_take_more_than_half_of_the_memory_are_streamed(digits):
    examples, placement = place_examples(digits, SMALL)
    assert isinstance(examples, Streamed)
    assert (placement.is_streamed, placement.is_short) == (True, False)
    assert isinstance(place_examples(digits, Room(1_000_000))[0], Resident)
    assert isinstance(place_examples(digits, Room())[0], Resident)


def test_copying_that_runs_out_of_memory_falls_back_to_streaming(digits, monkeypatch):
    def too_much(*_):
        raise short_of_memory()

    monkeypatch.setattr(Resident, "of", too_much)
    examples, placement = place_examples(digits, Room())
    assert isinstance(examples, Streamed)
    assert placement.said().startswith(SAID + "copying their ")
    with pytest.raises(DataError, match="a single example takes"):
        place_examples(digits, Room(100))


def test_any_other_error_of_copying_stays_what_it_is(digits, monkeypatch):
    def broken(*_):
        raise ValueError("no such type")

    monkeypatch.setattr(Resident, "of", broken)
    with pytest.raises(ValueError, match="no such type"):
        place_examples(digits, Room())


def test_only_what_a_study_could_not_foresee_is_noticed_at_the_start(tiny_study, digits, monkeypatch):
    assert TrainingContext(tiny_study, digits, room=SMALL).check() == ()
    monkeypatch.setattr(placing, "place_data", lambda data, room: replace(_placed(data, room), is_short=True))
    (said,) = TrainingContext(tiny_study, digits).check()
    assert said.startswith(SAID)


def _placed(data, room):
    from ablate.data.placement import place_data

    return place_data(data, room)


@pytest.mark.slow
def test_a_whole_trial_on_streamed_examples_is_the_same_and_says_so(tiny_study, digits, tmp_path):
    """Range test, training, validation, layers, test set and its predictions."""
    inspect = tiny_study.inspect.model_copy(update={"layers": True, "examples": 100})
    study, mapped = tiny_study.model_copy(update={"inspect": inspect}), load_arrays(save_arrays(digits, tmp_path))
    spec = TrialSpec("t", Label("ablation", "reference"), 1, study.baseline, test=True, frozen="f00")
    outcomes = []
    for room in (Room(), SMALL):
        context = TrainingContext(study, mapped, room=room)
        outcomes.append(run_trial(spec, context, RateFinder(context, cache=None)))
    copied, streamed = outcomes
    assert copied.is_tested
    assert copied.layers
    (note,) = streamed.notes
    assert note.startswith(SAID)
    alike = {"seconds": 0.0, "timings": {}, "notes": (), "rate_test": None}
    assert replace(streamed, **alike) == replace(copied, **alike)
    assert streamed.rate_test is not None
    assert (streamed.rate_test.losses, streamed.learning_rate) == (copied.rate_test.losses, copied.learning_rate)


def test_a_build_that_would_read_all_examples_at_once_is_refused_where_they_do_not_fit(tiny_study, digits, tmp_path):
    (tmp_path / "reads.py").write_text("def build(factors, data):\n    return data.train.mean()\n")
    study = tiny_study.model_copy(update={"model": ModelRef.of("reads.py:build"), "base": tmp_path})
    said = "build reads data.train, which holds all training examples, but examples are streamed from disk"
    with pytest.raises(StudyError, match=said):
        TrainingContext(study, digits, room=SMALL).check()
