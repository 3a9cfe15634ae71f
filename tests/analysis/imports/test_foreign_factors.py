import re

import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports import read_imported
from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.errors import DataError

SEEDS = range(4)


def roles(table, **asked):
    return find_roles(runs(table), ImportOptions(**asked))


def ignored(table):
    """The part of the first note that says what is left out."""
    found = roles(table)
    assert found.factors == ("norm", "drop")
    return found.notes[0].partition("ignored ")[2]


@pytest.mark.parametrize(
    ("name", "of_row", "why"),
    [
        ("run_name", lambda row: f"{row.norm}-{row.drop}", "names norm, drop"),
        ("label", lambda row: f"drop={row.drop} norm={row.norm}", "names norm, drop"),
        ("what", lambda row: "abcdef"[(row.norm == "none") * 3 + int(row.drop * 10 + 1) // 2], "names norm, drop"),
        ("exp_id", lambda row: f"{row.norm}/{row.drop}/s{row.seed}x", "different in every run"),
        ("norm_name", lambda row: f"with {row.norm}", "names norm"),
        ("Unnamed: 0", lambda row: row.Index, "a row number"),
        ("column 1", lambda row: row.Index * 7, "a row number"),
        ("index", lambda row: row.Index % 6, "a row number"),
        ("Hostname", lambda row: f"n{row.Index * 7 % 5}", "names the machine"),
        ("node_name", lambda row: f"n{row.Index * 7 % 5}", "names the machine"),
        ("gpu_id", lambda row: row.Index * 7 % 4, "names the machine"),
        ("grad_norm_end", lambda row: row.Index ** 0.5 + 0.1, "changes between the seeds of one configuration"),
        ("stopped_at", lambda row: 10 + row.Index * 5 % 7, "changes between the seeds of one configuration"),
        ("weather", lambda row: "sun" if (row.Index * 37 % 101) % 2 else "rain", "changes between the seeds of one"),
        ("comment", lambda row: "again" if row.Index % 5 == 0 else "", "a comment"),
        ("peak_memory", lambda row: 900 + row.Index, "looks like a result"),
        ("cluster", lambda _: "here", "the same in every run"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_a_column_that_was_not_varied_on_purpose_is_left_out_and_it_is_said(name, of_row, why, first):
    table = crossed(seeds=SEEDS)
    column = [of_row(row) for row in table.itertuples()]
    table.insert(0 if first else len(table.columns), name, column)
    assert f"{name} ({why}" in ignored(table)


def test_a_seed_s_second_try_keeps_the_names_of_runs_apart_from_factors():
    table = crossed(seeds=SEEDS).assign(run=lambda rows: [f"{r.norm}-{r.drop}-{r.seed}" for r in rows.itertuples()])
    assert ignored(pd.concat([table, table.iloc[:2]])).startswith("run (")


def test_what_decides_other_settings_is_no_name_of_them():
    table = pd.DataFrame(
        [{"optimizer": name, "lr": lr, "momentum": momentum, "seed": seed, "acc": 0.5 + seed / 100}
         for name, lr, momentum in (("sgd", 0.1, 0.9), ("adam", 0.01, 0.9), ("rmsprop", 0.01, 0.0)) for seed in SEEDS]
    )  # fmt: skip
    assert roles(table).factors == ("optimizer", "lr", "momentum")


def test_factors_that_always_change_together_are_told_apart_by_nobody_and_it_is_said():
    table = crossed(seeds=SEEDS).assign(lr=lambda rows: rows["norm"].map({"none": 0.1, "batch": 0.3}))
    found = roles(table)
    assert found.factors == ("norm", "drop", "lr")
    assert any(note.startswith("norm and lr always change together") for note in found.notes)
    assert found.together == (("norm", "lr"),)
    assert not any("together" in note for note in roles(crossed(seeds=SEEDS)).notes)


def test_a_number_drawn_for_each_run_stays_a_factor_where_it_is_called_as_one():
    table = crossed(seeds=SEEDS)
    for name in ("lr", "weight_decay", "params.temperature"):
        drawn = table.assign(**{name: [0.01 * (i * 7 % 24 + 1) for i in range(len(table))]})
        assert name in roles(drawn).factors


def test_a_text_that_is_unique_to_each_run_is_no_factor_though_the_source_knows_it_as_one():
    table = crossed(seeds=SEEDS).assign(out=[f"/tmp/{i}" for i in range(24)], width=range(24))
    found = find_roles(runs(table, factors=("norm", "drop", "out", "width"), score="acc"), ImportOptions())
    assert found.factors == ("norm", "drop", "width")
    assert "out (different in every run)" in found.notes[0]


def test_one_run_a_level_cannot_be_tested_and_the_way_out_is_named():
    named = ["baseline", "no_dropout", "fewer_heads"]
    for name, levels in (
        ("optimizer", ["adam", "sgd", "rmsprop"]),
        ("model", ["a", "b", "c"]),
        ("experiment", named),
        ("variant", named),
    ):
        table = {name: levels, "acc": [0.5, 0.6, 0.7]}
        with pytest.raises(
            DataError, match=f"only one run per level of {name}, so there is no test\n  .*at least 6 seeds"
        ):
            roles(table)
        assert roles(table, factors=(name,)).factors == (name,)


def test_metrics_of_a_rank_and_means_with_their_spread_are_results():
    table = crossed(seeds=SEEDS)
    for name, cells, why in (
        ("Hits@3", [0.1 * (i % 5) for i in range(24)], "looks like a result"),
        ("pass@ 1", [i % 2 for i in range(24)], "looks like a result"),
        ("H", [f"0.01{i % 3}±0.000" for i in range(24)], "means with their spread"),
        ("spread", ["-" if i % 3 else "1e-3 +/- .5" for i in range(24)], "means with their spread"),
        ("tex", [rf"$4{i % 3} \pm 1.5$" for i in range(24)], "means with their spread"),
    ):
        found = roles(table.assign(**{name: cells}), score="acc")
        assert (found.factors, f"{name} ({why})" in found.notes[0]) == (("norm", "drop"), True), name
    for name, one, other in (("user", "a@1", "b@2"), ("range", "0±", "±1"), ("net", "4-5", "5-4"), ("@home", 1, 2)):
        levels = {name: [one, one, other, other], "seed": [0, 1, 0, 1], "acc": [0.5, 0.6, 0.7, 0.8]}
        assert roles(levels).factors == (name,)


def test_a_mean_with_its_spread_is_no_score_and_the_way_out_is_said():
    with pytest.raises(
        DataError,
        match=r'"mrr" must hold numbers, got "0.45±0.02"\n  write one row per run with its score, or the mean alone',
    ):
        roles({"opt": ["adam", "sgd"], "mrr": ["0.45±0.02", "0.47±0.01"]})


def test_where_nothing_can_be_a_factor_what_varies_is_said_with_the_reason():
    for table, message in (
        ({"lr": [1, 1], "acc": [0.5, 0.6]}, "no column varies except the score\n"),
        ({"lr": [1, 1], "seed": [0, 1], "acc": [0.5, 0.6]}, "no column varies except the score and the seed\n"),
        ({"job_id": [7, 9], "acc": [0.5, 0.6]}, "no factor was found: job_id (different in every run)\n"),
        ({"train_loss": [0.2, 0.1], "acc": [0.5, 0.6]}, "no factor was found: train_loss (looks like a result)\n"),
    ):
        with pytest.raises(DataError, match=re.escape(message)):
            roles(table, score="acc")


def test_where_a_column_makes_each_configuration_unique_nothing_is_compared_for_that_reason():
    table = crossed(seeds=(0,)).assign(tower=list("pqrstu"))
    table = pd.concat([table, table.assign(acc=table["acc"] + 0.1)])
    facts = read_imported(
        runs(table.assign(seed=[0] * 6 + [1] * 6)), ImportOptions(factors=("norm", "drop", "tower"))
    ).facts
    assert facts.alone == ["tower"]
    assert read_imported(runs(crossed()), ImportOptions()).facts.alone == []


@pytest.mark.parametrize(("name", "levels"), [("n_params", (1000, 2000)), ("memory", (64, 256)), ("duration", (1, 2))])
def test_a_column_called_like_a_result_is_a_factor_where_the_table_is_crossed_with_it(name, levels):
    table = pd.concat([crossed(seeds=SEEDS).assign(**{name: level}) for level in levels])
    assert roles(table).factors == ("norm", "drop", name)
    decided = crossed(seeds=SEEDS).assign(
        **{name: lambda rows: rows["norm"].map({"none": levels[0], "batch": levels[1]})}
    )
    assert f"{name} (looks like a result)" in ignored(decided)


@pytest.mark.parametrize("name", ["run", "trial", "run_id", "attempt", "Exp"])
def test_a_count_of_repeats_may_be_a_seed_and_is_asked_about(name):
    table = crossed(seeds=SEEDS).rename(columns={"seed": name})
    with pytest.raises(DataError, match=f"count the repeats of each configuration.*\n  if so, add --seed {name}"):
        roles(table)
    assert roles(table, seed=name).factors == ("norm", "drop")
    assert roles(table, factors=("norm", name)).factors == ("norm", name)
