import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported

BUDGETS = (
    "the last epoch differs between optimizer=adam (20) and optimizer=sgd (10): keep the rows up to a common epoch, or "
    "add --ignore epoch if a rule stopped the runs early"
)


def table(adam, sgd, *, step="epoch", factor="optimizer", levels=("adam", "sgd")):
    """Runs of both optimizers, a seed for each last epoch; a score depends on the epoch alone, and a little luck."""
    return pd.DataFrame(
        [
            {factor: level, "seed": seed, step: at, "acc": round(0.5 + at / 100 + (seed * 7 % 5) / 1000, 4)}
            for level, ends in zip(levels, (adam, sgd), strict=True)
            for seed, end in enumerate(ends)
            for at in range(1, end + 1)
        ]
    )


def read(frame, **asked):
    return read_imported(runs(frame), ImportOptions(**asked))


def compared(foreign) -> set[str]:
    return set(foreign.results.query("design == 'one-factor'")["variant"]) - {"reference"}


def test_two_budgets_are_not_compared_and_the_reason_is_said():
    foreign = read(table([20] * 6, [10] * 6))
    assert compared(foreign) == set()
    assert foreign.facts.confounded == [BUDGETS]
    assert f"No verdict: {BUDGETS}." in foreign.notes
    assert foreign.facts.factors == ["optimizer"]


@pytest.mark.parametrize("step", ["step", "Epoch", "trainer/global_step"])
def test_a_budget_is_that_of_any_step_and_of_most_runs(step):
    foreign = read(table([20, 20, 20, 20, 20, 12], [10, 10, 10, 10, 10, 10], step=step))
    [reason] = foreign.facts.confounded
    assert f"the last {step} differs between optimizer=adam (12 to 20, mostly 20) and optimizer=sgd (10)" in reason
    assert compared(foreign) == set()


def test_the_user_may_say_that_a_rule_stopped_the_runs():
    foreign = read(table([20] * 6, [10] * 6), ignore=("epoch",))
    assert compared(foreign) == {"optimizer=sgd"}
    assert foreign.facts.confounded == []
    [said] = foreign.facts.ignored
    assert said.startswith("The last epoch differs between optimizer=adam (20) and optimizer=sgd (10)")


def test_early_stopping_at_various_epochs_is_compared_and_said():
    foreign = read(table([10, 13, 12, 11, 18, 17], [6, 4, 9, 3, 8, 5]))
    assert compared(foreign) == {"optimizer=sgd"}
    [said] = foreign.facts.ignored
    assert said == (
        "The last epoch differs between optimizer=adam (10 to 18, median 12.5) and optimizer=sgd (3 to 9, median 5.5): "
        "a difference may come from it"
    )
    assert f"{said}." in foreign.notes


def test_a_few_runs_that_ended_early_spoil_no_comparison():
    foreign = read(table([10] * 6, [10, 6, 10, 10, 10, 6]))
    assert compared(foreign) == {"optimizer=sgd"}
    assert "optimizer=sgd (6 to 10, mostly 10)" in foreign.facts.ignored[0]


def test_runs_that_all_end_at_one_epoch_are_compared_without_a_word():
    foreign = read(table([10] * 6, [10] * 6))
    assert compared(foreign) == {"optimizer=sgd"}
    assert (foreign.facts.confounded, foreign.facts.ignored) == ([], [])


@pytest.mark.parametrize(("factor", "step"), [("epochs", "step"), ("batch_size", "global_step"), ("max_steps", "step")])
def test_a_factor_that_decides_the_length_is_compared(factor, step):
    foreign = read(table([20] * 6, [10] * 6, factor=factor, levels=(32, 64), step=step))
    assert compared(foreign) == {f"{factor}=64"}
    assert foreign.facts.confounded == []


def test_epochs_are_checked_where_a_table_has_steps_as_well():
    for ends, reasons in (([10] * 6, [BUDGETS]), ([20] * 6, [])):
        frame = table([20] * 6, ends)
        frame["step"] = frame["epoch"] * frame["optimizer"].map({"adam": 100, "sgd": 50})
        frame["run_id"] = frame["optimizer"] + frame["seed"].astype(str)
        assert read(frame).facts.confounded == reasons
