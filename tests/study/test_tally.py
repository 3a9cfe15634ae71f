from records import epoch_of_classes

from ablate.study.trial import ACCURACY, Epoch, Monitor, Outcome, counted, score_of, stopped


def an_epoch(number: int, accuracy: float, loss: float) -> Epoch:
    return epoch_of_classes("a", number, 1.0, 0.5, loss, accuracy, 0.1, 1.0)


def test_a_score_is_higher_where_the_epoch_is_better():
    assert score_of(an_epoch(1, 0.6, 1.5), ACCURACY) == 0.6
    assert score_of(an_epoch(1, 0.6, 1.5), Monitor("val_loss", -1)) == -1.5


def test_the_first_of_equally_good_epochs_is_the_best():
    outcome = Outcome("a", "finished")
    for number, accuracy in enumerate((0.4, 0.6, 0.6, 0.5), 1):
        outcome = counted(outcome, an_epoch(number, accuracy, float(number)), monitor=ACCURACY)
    best = {"val_loss": 2.0, "val_accuracy": 0.6}
    assert outcome == Outcome("a", "finished", 0.6, 2, 4, best)
    assert stopped(outcome) == Outcome("a", "pruned", 0.6, 2, 4, best, reason="stopped after epoch 4")
