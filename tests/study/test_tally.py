from ablate.study.trial import Epoch, Outcome, counted, score_of, stopped


def an_epoch(number: int, accuracy: float, loss: float) -> Epoch:
    return Epoch("a", number, 1.0, 0.5, loss, accuracy, 0.1, 1.0)


def test_a_score_is_higher_where_the_epoch_is_better():
    assert score_of(an_epoch(1, 0.6, 1.5), "val_accuracy") == 0.6
    assert score_of(an_epoch(1, 0.6, 1.5), "val_loss") == -1.5


def test_the_first_of_equally_good_epochs_is_the_best():
    outcome = Outcome("a", "finished")
    for number, accuracy in enumerate((0.4, 0.6, 0.6, 0.5), 1):
        outcome = counted(outcome, an_epoch(number, accuracy, float(number)), monitor="val_accuracy")
    assert outcome == Outcome("a", "finished", 0.6, 2, 4, 0.6, 2.0)
    assert stopped(outcome) == Outcome("a", "pruned", 0.6, 2, 4, 0.6, 2.0, reason="stopped after epoch 4")
