import itertools

import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.imports.histories import last_rows
from ablate.errors import DataError


def history(steps=range(1, 11), *, name="epoch", seeds=(0, 1), **more):
    """norm × seed × step; acc = 0.5 + 0.1 (batch) + 0.01 seed + step/1000, whose best is not the last."""
    table = pd.DataFrame(
        [{"norm": norm, "seed": seed, name: step, "acc": 0.5 + 0.1 * (norm == "batch") + 0.01 * seed + step / 1000}
         for norm, seed, step in itertools.product(("none", "batch"), seeds, steps)]
    )  # fmt: skip
    table.loc[table[name] == max(steps), "acc"] -= 0.05
    return table.assign(**more)


def read(table, **asked):
    return read_imported(runs(table), ImportOptions(**asked))


@pytest.mark.parametrize(
    ("name", "steps"),
    [("epoch", range(10)), ("Epoch", range(1, 6)), ("step", range(100, 1100, 100)), ("iter", range(1, 21)),
     ("global_step", range(0, 3910, 391)), ("trainer/global_step", range(1, 9)), ("epoch_idx", range(8)),
     ("round", range(5))],
)  # fmt: skip
def test_a_row_for_each_step_is_reduced_to_the_last_row_of_each_run(name, steps):
    for table in (history(steps, name=name), history(steps, name=name).sample(frac=1, random_state=1)):
        foreign = read(table)
        assert foreign.facts.factors == ["norm"]
        assert sorted(foreign.results["score"].round(4).unique()) == sorted(
            round(0.45 + 0.1 * batch + 0.01 * seed + max(steps) / 1000, 4) for batch in (0, 1) for seed in (0, 1)
        )
        note = next(note for note in foreign.notes if note.startswith("One row per"))
        assert f"One row per {name} of each run: the row of the last {name} counts, not the best" in note
        assert f"({len(table)} rows → 4 runs)" in note
        assert "name it with --factors" in note


def test_words_in_the_cells_of_a_step_are_read_by_their_number():
    table = history().assign(epoch=lambda rows: "epoch " + rows["epoch"].astype(str))
    assert len(last_rows(runs(table), ImportOptions()).table) == 4


def test_what_changes_along_a_run_is_left_out_and_said_and_settings_stay():
    table = history(range(10)).assign(rate_now=lambda rows: 0.9 ** rows["epoch"], val_loss=lambda rows: 1 - rows["acc"])
    table = pd.concat([table.assign(lr=lr, rate_now=lr * table["rate_now"]) for lr in (0.1, 0.01)])
    foreign = read(table, score="acc")
    assert foreign.facts.factors == ["norm", "lr"]
    assert "Left out, because they change along a run: rate_now." in " ".join(foreign.notes)
    assert "80 rows → 8 runs" in " ".join(foreign.notes)


def test_runs_of_different_lengths_each_count_at_their_end():
    table = history(range(8))
    table = table[(table["seed"] == 0) | (table["epoch"] < 6)]
    foreign = read(table)
    assert "2 runs of 4 ended before epoch 7 and count as they ended." in " ".join(foreign.notes)
    assert len(last_rows(runs(table), ImportOptions()).table) == 4


def test_a_run_whose_score_is_missing_at_the_end_is_not_rescued_by_an_earlier_row():
    table = history(range(8)).astype({"acc": object})
    table.loc[(table["norm"] == "batch") & (table["seed"] == 1) & (table["epoch"] > 3), "acc"] = ""
    results = read(table).results
    assert results.loc[results["state"] != "finished", "seed"].unique().tolist() == [1]
    assert set(results.loc[results["state"] != "finished", "norm"]) == {"batch"}


def test_steps_at_which_no_run_has_a_score_do_not_count():
    table = history(range(20)).astype({"acc": object})
    table.loc[(table["epoch"] % 2 == 0) | (table["epoch"] == 19), "acc"] = ""
    foreign = read(table)
    assert (foreign.results["state"] == "finished").all()
    assert "80 rows → 4 runs" in " ".join(foreign.notes)


def test_runs_without_a_name_are_told_apart_where_the_step_starts_again():
    table = history(range(6)).drop(columns="seed")
    assert len(last_rows(runs(table), ImportOptions()).table) == 4


@pytest.mark.parametrize(("run_id", "step"), [("trial_id", "training_iteration"), ("run_id", "step"), ("run", "epoch")])
def test_a_name_of_each_run_leaves_no_doubt(run_id, step):
    table = history([3, 7, 20], name=step)
    named = table.assign(**{run_id: "r" + table["norm"] + table["seed"].astype(str)})
    assert len(last_rows(runs(named), ImportOptions()).table) == 4


@pytest.mark.parametrize("name", ["epoch", "step", "Iteration", "global_step"])
def test_few_steps_may_have_been_varied_on_purpose_which_is_a_question(name):
    table = history(range(1, 5), name=name)
    with pytest.raises(DataError, match=f'is there one row per run, or one row per "{name}" of each run'):
        read(table)
    assert read(table, factors=("norm", name)).facts.factors == ["norm", name]
    chosen = table.replace({name: {1: 10, 2: 20, 3: 50, 4: 100}})
    assert read(chosen).facts.factors == ["norm", name]


@pytest.mark.parametrize("name", ["epochs", "n_epochs", "max_steps", "num_epochs"])
def test_a_budget_of_epochs_is_a_factor_and_many_of_them_are_a_question(name):
    assert read(history((10, 20, 30), name=name)).facts.factors == ["norm", name]
    with pytest.raises(DataError, match=f'one row per "{name}" of each run'):
        read(history(range(1, 21), name=name))


def test_the_epoch_at_which_each_run_ended_is_no_history():
    table = crossed(seeds=range(6)).assign(epoch=lambda rows: (rows.index * 7) % 23 + 5)
    foreign = read(table)
    assert foreign.facts.factors == ["norm", "drop"]
    assert len(last_rows(runs(table), ImportOptions()).table) == len(table)
    assert not any("One row per" in note for note in foreign.notes)


def test_a_table_of_runs_stays_as_it_is():
    source = runs(crossed())
    assert last_rows(source, ImportOptions()) is source


def resumed(table, *, steps, **where):
    """The table with further rows of the runs `where` at `steps`, a point higher, below the run's row at the last."""
    is_again = table["epoch"].isin(steps)
    for name, level in where.items():
        is_again &= table[name] == level
    again = table[is_again].assign(acc=lambda rows: rows["acc"] + 0.01)
    rows = pd.concat([table.assign(again=0), again.assign(again=1)]).reset_index(drop=True)
    is_later = (rows["epoch"] > max(steps)).astype(int)
    order = rows.assign(later=is_later).sort_values(["norm", "seed", "later", "again", "epoch"], kind="stable")
    return order.drop(columns=["again", "later"]).reset_index(drop=True)


@pytest.mark.parametrize("where", [{"norm": "none", "seed": 1}, {"norm": "batch"}, {}])
@pytest.mark.parametrize("is_named", [False, True])
def test_the_later_row_of_an_epoch_that_a_resumed_run_repeats_counts(where, is_named):
    table = history(range(1, 11))
    table = table.assign(run_id=table["norm"] + table["seed"].astype(str)) if is_named else table
    for steps, gain in ((range(5, 8), 0.0), (range(8, 11), 0.01)):
        foreign = read(resumed(table, steps=steps, **where))
        assert foreign.facts.factors == ["norm"]
        rows = foreign.results.query("design == 'one-factor'").set_index(["norm", "seed"])["score"]
        again = {"norm": "batch", "seed": 1} | where
        hit = rows[again["norm"], again["seed"]]
        assert hit == pytest.approx(0.46 + 0.1 * (again["norm"] == "batch") + 0.01 * again["seed"] + gain)
        n_runs = {0: 4, 1: 2, 2: 1}[len(where)]
        has = "1 run has" if n_runs == 1 else f"{n_runs} runs have"
        said = f"{has} the same epoch twice, as a resumed run does: the later row in the table counts."
        assert said in " ".join(foreign.notes)


def test_a_run_whose_first_epochs_repeat_may_be_two_runs_which_is_a_question():
    table = resumed(history(range(1, 11)), steps=range(1, 4), norm="none", seed=1)
    table = table.sort_values(["epoch", "norm"], kind="stable")
    with pytest.raises(DataError, match='is there one row per run, or one row per "epoch" of each run'):
        read(table)
    assert read(table, factors=("norm", "epoch")).facts.factors == ["norm", "epoch"]


def test_a_factor_that_few_runs_vary_is_not_taken_for_a_resumed_run():
    more = history(range(1, 11), seeds=(0,)).query("norm == 'batch'").assign(rate=0.1)
    table = pd.concat([history(range(1, 11), rate=0.3), more])
    kept = last_rows(runs(table), ImportOptions())
    assert len(kept.table) == 5
    assert sorted(kept.table["rate"]) == ["0.1", "0.3", "0.3", "0.3", "0.3"]
