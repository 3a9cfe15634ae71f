from records import epoch_of_classes

from ablate.experiment.events import TrialBegan, TrialEnded
from ablate.experiment.listeners import Cached, Journaled, Watched
from ablate.storage.journal import Entry, Journal
from ablate.study.trial import Label, Outcome, TrialSpec

SPEC = TrialSpec("b", Label("search"), 0, {"learning_rate": 0.1})
EPOCH = epoch_of_classes("b", 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0)
ENTRY = Entry(SPEC, Outcome("b", "finished", score=0.5), (EPOCH,), "")


def hear(listener, entry=ENTRY):
    listener.on_start(SPEC)
    listener.on_epoch(EPOCH)
    listener.on_end(entry)


class Kept:
    """A cache that lists the trials it is given."""

    def __init__(self):
        self.trials = []

    def keep(self, spec, outcome, epochs):
        self.trials.append((spec, outcome, epochs))


def test_the_journal_has_what_it_heard_on_disk(tmp_path):
    hear(Journaled(Journal(tmp_path / "trials.jsonl")))
    (attempt,) = Journal(tmp_path / "trials.jsonl").attempts()
    assert (attempt.key, attempt.outcome, attempt.epochs) == (("b", 1), ENTRY.outcome, (EPOCH,))


def test_a_watcher_sees_start_epoch_and_end():
    seen = []
    hear(Watched(seen.append))
    assert seen == [TrialBegan(SPEC), EPOCH, TrialEnded(SPEC, ENTRY.outcome)]


def test_the_cache_keeps_what_was_trained_and_nothing_that_was_reused():
    cache = Kept()
    hear(Cached(cache))
    hear(Cached(cache), Entry(SPEC, Outcome("b", "finished", same_as="other/x"), (EPOCH,), ""))
    assert cache.trials == [(SPEC, ENTRY.outcome, (EPOCH,))]
