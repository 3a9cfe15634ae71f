from ablate.study.trial import Epoch, Outcome
from ablate.training.stack import Single


def test_a_single_trial_asks_its_callback_and_has_no_successor():
    feed = Single(lambda epoch: epoch.epoch < 2)
    epochs = [Epoch("a", number, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0) for number in (1, 2)]
    assert feed.report(epochs) == [True, False]
    assert feed.more(3) == ()
    feed.tell(Outcome("a", "pruned"))
    assert feed.outcomes == [Outcome("a", "pruned")]
