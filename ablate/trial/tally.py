"""Epochs into what a trial has to show for them: its score, its best epoch, and how it ends where it is stopped."""

from dataclasses import replace

from ablate.records import Epoch, Outcome
from ablate.study import Monitor


def score_of(epoch: Epoch, monitor: Monitor) -> float:
    """The monitored quantity, higher is better."""
    return epoch.val_accuracy if monitor == "val_accuracy" else -epoch.val_loss


def counted(outcome: Outcome, epoch: Epoch, *, monitor: Monitor) -> Outcome:
    """The outcome with one more epoch: a better score, strictly, makes it the best one."""
    outcome, score = replace(outcome, epochs=epoch.epoch), score_of(epoch, monitor)
    if outcome.score is not None and score <= outcome.score:
        return outcome
    return replace(
        outcome,
        score=score,
        best_epoch=epoch.epoch,
        val_accuracy=epoch.val_accuracy,
        val_loss=epoch.val_loss,
    )


def stopped(outcome: Outcome) -> Outcome:
    """The outcome of a trial that a plan stopped after its last epoch so far."""
    return replace(outcome, state="pruned", reason=f"stopped after epoch {outcome.epochs}")
