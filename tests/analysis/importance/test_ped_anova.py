import warnings

import numpy as np
import optuna
import pandas as pd
import pytest

from ablate.analysis.importance.ped_anova import best_trials, divergences, to_shares


def search(n, *, seed=0):
    rng = np.random.default_rng(seed)
    factors = pd.DataFrame(
        {
            "rate": rng.uniform(-5, -1, size=n),
            "norm": rng.choice(["none", "batch", "layer"], size=n),
            "skip": rng.choice(["False", "True"], size=n),
            "width": rng.choice([64.0, 128.0, 512.0], size=n),
        }
    )
    return factors, (factors["rate"] + (factors["norm"] == "batch") + rng.normal(size=n)).to_numpy()


def by_optuna(factors, scores, *, share, rows=None):
    distributions = {
        name: optuna.distributions.FloatDistribution(*column.agg(["min", "max"])) if column.dtype.kind == "f"
        else optuna.distributions.CategoricalDistribution(sorted(set(column)))
        for name, column in factors.items()
    }  # fmt: skip
    drawn = factors if rows is None else factors.iloc[rows]
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(params=row, distributions=distributions, value=score)
            for row, score in zip(drawn.to_dict("records"), scores if rows is None else scores[list(rows)], strict=True)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=True)
    return [found[name] for name in factors]


def shares(factors, scores):
    best = best_trials(scores)[None, :].astype(int)
    return to_shares(divergences(factors, best, np.ones_like(best)))[0]


@pytest.mark.parametrize(("n", "share"), [(8, 0.5), (24, 5 / 24), (50, 0.1), (203, 0.1)])
def test_the_shares_are_those_of_optunas_evaluator(n, share):
    factors, scores = search(n)
    assert shares(factors, scores) == pytest.approx(by_optuna(factors, scores, share=share), abs=1e-12)


def test_a_trial_that_a_resample_draws_twice_counts_twice():
    factors, scores = search(40)
    rows = np.random.default_rng(1).integers(40, size=40)
    counts = np.bincount(rows, minlength=40)
    cutoff = scores[rows][best_trials(scores[rows])].min()
    found = to_shares(divergences(factors, (counts * (scores >= cutoff))[None, :], counts[None, :]))[0]
    assert found == pytest.approx(by_optuna(factors, scores, share=5 / 40, rows=rows), abs=1e-12)


def test_many_draws_at_once_are_each_as_if_alone():
    factors, scores = search(30)
    rng = np.random.default_rng(2)
    draws = np.stack([rng.permutation(best_trials(scores)) for _ in range(3)]).astype(int)
    every = np.ones((1, 30), dtype=int)
    together = divergences(factors, draws, every)
    assert together.shape == (3, 4)
    assert together == pytest.approx(np.vstack([divergences(factors, draw[None, :], every) for draw in draws]))


def test_the_best_are_a_tenth_and_at_least_five_and_all_that_tie_with_the_last():
    assert best_trials(np.arange(100.0)).sum() == 10
    assert best_trials(np.arange(20.0)).tolist() == [False] * 15 + [True] * 5
    assert best_trials(np.array([0.0] * 7 + [1.0])).sum() == 8  # the fourth best of eight ties with the worst


def test_where_the_best_are_all_trials_nothing_sets_them_apart():
    factors, _ = search(8)
    assert shares(factors, np.ones(8)).tolist() == [0.0] * 4
