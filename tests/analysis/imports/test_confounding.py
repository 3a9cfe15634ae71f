import itertools

import numpy as np
import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported

SEEDS = range(8)


def table(*, sizes=(1000, 50000), counts=((3, 1), (1, 3)), optimizers=("adam", "sgd")):
    """Adam is 2 points worse at both sizes; `counts` are the runs of each optimizer and size for each seed."""
    return pd.DataFrame(
        [
            {"optimizer": optimizer, "seed": seed, "data_size": size}
            | {"val_acc": (60 if size == 1000 else 90) - 2 * (optimizer == "adam") + seed / 10 + repeat / 100}
            for (optimizer, of_sizes), seed in itertools.product(zip(optimizers, counts, strict=True), SEEDS)
            for size, n in zip(sizes, of_sizes, strict=True)
            for repeat in range(n)
        ]
    )


def read(frame, **asked):
    return read_imported(runs(frame), ImportOptions(**asked))


def compared(foreign) -> set[str]:
    """The variants with one-factor rows."""
    found = foreign.results
    return set(found.loc[(found["design"] == "one-factor") & (found["variant"] != "reference"), "variant"])


def test_an_unequal_mix_of_a_column_that_is_not_named_leaves_no_comparison_but_the_reason():
    foreign = read(table(), factors=("optimizer",))
    assert compared(foreign) == set()
    [reason] = foreign.facts.confounded
    assert reason == (
        "data_size differs between optimizer=adam (mostly 1000) and optimizer=sgd (mostly 50000): name it too, "
        "--factors optimizer,data_size, or add --ignore data_size if it cannot change the score"
    )
    assert f"No verdict: {reason}." in foreign.notes
    assert foreign.facts.reference == {}
    assert "Varies too, not a factor: data_size." in foreign.notes


def test_named_as_well_the_column_is_a_factor_and_the_comparison_is_that_within_its_levels():
    foreign = read(table(), factors=("optimizer", "data_size"))
    assert compared(foreign) == {"optimizer=sgd", "data_size=50000"}
    rows = foreign.results.query("design == 'one-factor'").groupby("variant")["score"].mean()
    assert rows["optimizer=sgd"] - rows["reference"] == pytest.approx(2, abs=0.02)


def test_an_equal_mix_is_averaged_and_said():
    foreign = read(table(counts=((2, 2), (1, 1))), factors=("optimizer",))
    assert compared(foreign) == {"optimizer=sgd"}
    assert foreign.facts.also_varies == ["data_size"]
    assert foreign.facts.confounded == []
    assert "Both sides of a comparison have the same mix of data_size, which it averages over." in foreign.notes


def test_a_mix_that_is_equal_in_all_but_not_for_each_seed_is_not_averaged():
    frame = table(counts=((1, 1), (1, 1)))
    first = frame["seed"] < 4
    is_small = frame["data_size"] == 1000
    turned = frame[(is_small == (frame["optimizer"] == "adam")) == first]
    assert compared(read(turned, factors=("optimizer",))) == set()


def test_only_the_comparisons_that_a_column_spoils_are_left_out():
    frame = table(counts=((1, 1), (1, 1), (1, 0)), optimizers=("adam", "sgd", "rms"))
    foreign = read(frame, factors=("optimizer",))
    assert compared(foreign) == {"optimizer=sgd"}
    assert "optimizer=rms (1000)" in foreign.facts.confounded[0]
    assert foreign.facts.also_varies == ["data_size"]


def test_an_ignored_column_is_said_to_differ_though_the_factors_are_not_named():
    for name in ("gpu", "width", "setup"):
        frame = table(sizes=(1000,), counts=((2,), (2,))).drop(columns="data_size")
        frame[name] = frame["optimizer"].map({"adam": "a", "sgd": "b"})
        foreign = read(frame, ignore=(name,))
        assert foreign.facts.factors == ["optimizer"]
        [said] = foreign.facts.ignored
        assert said.startswith(f"{name} differs between")


@pytest.mark.parametrize(
    ("columns", "budget"),
    [
        ({"trial_id": range(32), "status": ["COMPLETED"] * 32}, "hyperparameters/tuner/epochs"),
        ({"mean_fit_time": range(32), "split0_test_score": range(32)}, "n_resources"),
    ],
)
def test_a_budget_that_a_tuner_chose_is_compared_though_it_is_bookkeeping(columns, budget):
    score = "mean_test_score" if budget == "n_resources" else "score"
    frame = pd.DataFrame({"units": [32] * 16 + [64] * 16, "drop": [0.1, 0.2] * 16, **columns})
    frame[score] = [0.5 + at / 100 for at in range(32)]
    asked = {"direction": "maximize"} if score == "score" else {}
    foreign = read(frame.assign(**{budget: [3] * 16 + [10] * 12 + [3] * 4}), **asked)
    assert foreign.facts.factors == ["units", "drop"]
    assert any(reason.startswith(f"{budget} differs") for reason in foreign.facts.confounded)
    same = read(frame.assign(**{budget: [3, 3, 10, 10] * 8}), **asked)
    assert same.facts.confounded == []
    assert budget in same.facts.also_varies


def test_a_column_that_the_user_ignores_spoils_nothing_and_the_page_says_so():
    foreign = read(table(), factors=("optimizer",), ignore=("data_size",))
    assert compared(foreign) == {"optimizer=sgd"}
    assert foreign.facts.ignored == [
        "data_size differs between optimizer=adam (mostly 1000) and optimizer=sgd (mostly 50000) "
        "and is ignored as you asked (--ignore): a difference may come from it"
    ]
    assert foreign.facts.confounded == []


def test_lost_runs_count_in_the_mix_and_retried_ones_do_not():
    frame = table(counts=((1, 1), (1, 1))).astype({"val_acc": object})
    frame["status"] = "finished"
    lost = frame.iloc[[0]].assign(val_acc="", status="crashed")
    assert compared(read(pd.concat([frame, lost]), factors=("optimizer",))) == {"optimizer=sgd"}


def with_column(name, of_run):
    """Three optimizers × 8 seeds, with a column by optimizer and seed."""
    frame = table(counts=((1,), (1,), (1,)), sizes=(1000,), optimizers=("adam", "sgd", "rms"))
    rng = np.random.default_rng(1)
    frame["val_acc"] += rng.normal(size=len(frame)).round(3)
    frame[name] = [of_run(optimizer, seed) for optimizer, seed in zip(frame["optimizer"], frame["seed"], strict=True)]
    return frame.drop(columns="data_size")


@pytest.mark.parametrize("name", ["hostname", "Node", "gpu_type", "cuda_version", "date", "git_commit", "partition"])
def test_a_circumstance_that_separates_the_variants_leaves_no_comparison(name):
    frame = with_column(name, lambda optimizer, seed: f"{'a' if optimizer == 'adam' else 'b'}{seed % 2}")
    foreign = read(frame, factors=("optimizer",))
    assert compared(foreign) == set()
    assert foreign.facts.confounded[0].startswith(f"{name} differs between optimizer=adam (often a0) and")
    assert foreign.facts.confounded[0].endswith(f": add --ignore {name} if it cannot change the score")


@pytest.mark.parametrize("name", ["hostname", "gpu_type", "date", "cuda_version"])
def test_a_circumstance_that_differs_as_by_chance_spoils_nothing(name):
    frame = with_column(name, lambda optimizer, seed: f"a{(seed * 7 + len(optimizer) * 5) % 3}")
    foreign = read(frame, factors=("optimizer",))
    assert compared(foreign) == {"optimizer=sgd", "optimizer=rms"}
    assert foreign.facts.confounded == []


@pytest.mark.parametrize(
    ("name", "of_run"),
    [
        ("train_loss", lambda optimizer, seed: len(optimizer) + seed / 10),
        ("wall_time", lambda optimizer, _seed: len(optimizer) * 100),
        ("n_params", lambda optimizer, _seed: len(optimizer)),
        ("best_epoch", lambda optimizer, seed: len(optimizer) + seed % 2),
        ("stopped_epoch", lambda optimizer, seed: len(optimizer) + seed % 2),
        ("model_size", lambda optimizer, _seed: len(optimizer)),
        ("run_name", lambda optimizer, _seed: f"run-{optimizer}"),
        ("setup", lambda optimizer, _seed: f"with {optimizer}"),
        ("throughput", lambda optimizer, seed: 100 * len(optimizer) + seed / 7),
        ("notes", lambda optimizer, _seed: "slow" if optimizer == "adam" else "fast"),
    ],
)
def test_results_and_names_of_the_runs_are_no_confounders(name, of_run):
    foreign = read(with_column(name, of_run), factors=("optimizer",), score="val_acc")
    assert compared(foreign) == {"optimizer=sgd", "optimizer=rms"}
    assert foreign.facts.confounded == []


@pytest.mark.parametrize("name", ["batch_size", "lr", "epochs", "augmentation", "n_train_samples", "params.width"])
def test_a_setting_that_changes_with_the_factor_is_a_confounder(name):
    frame = with_column(name, lambda optimizer, _seed: 32 if optimizer == "adam" else 64)
    assert compared(read(frame, factors=("optimizer",))) == set()


@pytest.mark.parametrize("name", ["data_source", "augmented_data", "split_of_data"])
def test_a_data_set_that_one_variant_lacks_is_a_confounder(name):
    frame = table(counts=((1, 1), (1, 1), (0, 1)), optimizers=("adam", "sgd", "rms")).rename(
        columns={"data_size": name}
    )
    frame[name] = frame[name].map({1000: "hard", 50000: "easy"})
    assert compared(read(frame, factors=("optimizer",))) == {"optimizer=sgd"}


def test_a_drawn_setting_spoils_a_comparison_only_where_it_is_shifted():
    rng = np.random.default_rng(0)
    same = with_column("lr", lambda _optimizer, _seed: rng.uniform())
    assert compared(read(same, factors=("optimizer",))) == {"optimizer=sgd", "optimizer=rms"}
    shifted = with_column("lr", lambda optimizer, _seed: rng.uniform() / (100 if optimizer == "adam" else 1))
    foreign = read(shifted, factors=("optimizer",))
    assert compared(foreign) == set()
    assert "(median 0.00" in foreign.facts.confounded[0]


def test_a_factorial_in_which_a_column_differs_between_cells_is_none():
    frame = pd.DataFrame(
        [
            {"norm": norm, "drop": drop, "seed": seed, "acc": 0.5 + seed / 50 + drop}
            | {"hostname": "slow" if (norm, drop) == ("batch", 0.1) else "fast"}
            for norm, drop, seed in itertools.product(("none", "batch"), (0.0, 0.1), SEEDS)
        ]
    )
    foreign = read(frame, reference="norm=none,drop=0.0")
    assert foreign.facts.designs == ["one-factor"]
    assert compared(foreign) == {"norm=batch", "drop=0.1"}
    assert "norm=batch, drop=0.1 (slow)" in foreign.facts.confounded[0]
    assert read(frame.drop(columns="hostname")).facts.designs == ["one-factor", "factorial"]


def test_one_run_each_on_another_machine_is_described_anyway():
    frame = with_column("hostname", lambda optimizer, seed: f"host-{optimizer}-{seed}")
    assert compared(read(frame, factors=("optimizer",))) == {"optimizer=sgd", "optimizer=rms"}
