"""Trace paths between two configurations: the gain of each step, and the alternatives tried there.

Steps are chosen on the validation score. Where the same scores give the gain of a step it is optimistic, since the
step is the best of several; within a factorial of enough seeds, half of the seeds choose and the others measure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis.designs.comparisons import ablation_runs, factor_names
from ablate.analysis.designs.crossed import Factorial
from ablate.analysis.designs.targets import CHOICE_COLUMNS, OTHER_SEEDS, SAME_SCORES, find_target, halves
from ablate.analysis.effects import Metric
from ablate.analysis.importance.cells import level_key
from ablate.analysis.importance.games import game_between, greedy_path, value_at
from ablate.analysis.statistics import paired_interval
from ablate.analysis.statistics.paired import Floats
from ablate.storage.results import trial_numbers
from ablate.study.trial import BEST, REFERENCE

DIRECTIONS = {REFERENCE: "forward", BEST: "backward"}  # by the variant compared with: the path's start
PATH_COLUMNS = (
    "mode", "source", "direction", *CHOICE_COLUMNS, "steps", "step", "factor", "level", "n", "gain", "sd", "low",
    "high", "score", "chosen",
)  # fmt: skip
RUN_COLUMNS = (
    "mode", "direction", "step", "factor", "level", "variant", "seed", "score", "state", "trial", "run_id", "same_as",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Candidate:
    factor: str
    level: object
    scores: "pd.Series[float]"  # the index is the seed


def paths(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row per candidate of each step, in the columns `PATH_COLUMNS`; step 0 is the start of the path.

    "forward" goes from the reference to the best configuration, "backward" from there to the reference. `gain` is the
    validation score (higher is better) minus that of the step before, paired by seed, with its SD and 95 % interval;
    `score` the mean over the seeds. `chosen` marks the candidate of each step with the best mean, the first among
    equals: those rows are the path. `steps` is "same scores", since the scores of the gains chose them; `target` is
    "search": other seeds found the best configuration.
    """
    found: list[dict[str, object]] = []
    for (mode, direction), walk in path_runs(results, metric).groupby(["mode", "direction"], sort=False):
        identity = {"mode": mode, "source": "path", "direction": direction, "target": "search", "steps": SAME_SCORES}
        found += _walked(_by_step(walk), identity)
    return pd.DataFrame(found, columns=list(PATH_COLUMNS))


def path_runs(results: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """One row per run underlying a path, the columns `RUN_COLUMNS`, in the order of the steps."""
    ablation = results[results["phase"] == "ablation"].reset_index(drop=True)
    known = ablation.reindex(columns=["state", "run_id", "same_as"]).astype(object).fillna("")
    runs = ablation_runs(results, metric)
    rows = runs[(runs["design"] == "path") & runs["against"].isin(DIRECTIONS)].dropna(subset="score")
    walks = [walk.assign(step=_numbers(walk)) for _, walk in rows.groupby(["mode", "against"], sort=False)]
    if not walks:
        return pd.DataFrame(columns=list(RUN_COLUMNS))
    found = pd.concat(walks).join(known)
    found["direction"] = found["against"].map(DIRECTIONS)
    found = found.drop_duplicates(["mode", "direction", "step", "factor", "level", "seed"], keep="last")
    places = found.groupby(["mode", "direction"], sort=False).ngroup()
    ordered = found.assign(walk=places).sort_values(["walk", "step"], kind="stable", ignore_index=True)
    return ordered[list(RUN_COLUMNS)]


def crossed_paths(found: Iterable[Factorial], *, target: Mapping[str, object] | None = None) -> pd.DataFrame:
    """The same columns, with paths through a factorial's validation scores between its reference and a target.

    The levels that `target` leaves open are chosen by `find_target`; `target` and `target_cells` say how. With enough
    seeds for two halves one half chooses the steps, and `n`, gains and scores are those of the other: `steps` is then
    "other seeds".
    """
    rows: list[dict[str, object]] = []
    for one in found:
        end = find_target(one, target)
        choosing, measuring = halves(one)
        names, chooser = game_between(choosing.scores, one.reference, end.levels)
        if not names:
            continue
        _, measured = game_between(measuring.scores, one.reference, end.levels)
        steps = SAME_SCORES if choosing is measuring else OTHER_SEEDS
        for direction, goal in (("forward", end.levels), ("backward", one.reference)):
            first, second = (game if direction == "forward" else _reversed(game) for game in (chooser, measured))
            identity = {"mode": one.mode, "source": "factorial", "direction": direction, **end.columns()}
            path = greedy_path(first)
            walk = _steps(path, second, names, goal, measuring)
            rows += _walked(walk, identity | {"steps": steps}, path=["", *(names[j] for j in path)])
    return pd.DataFrame(rows, columns=list(PATH_COLUMNS))


def _reversed(game: Floats) -> Floats:
    """The same game from its other end."""
    return np.flip(game, axis=tuple(range(1, game.ndim)))


def _by_step(walk: pd.DataFrame) -> list[list[_Candidate]]:
    """The candidates of each step from the start of the path, up to the last step without a gap."""
    steps = []
    for number in range(int(walk["step"].max()) + 1):
        rows = walk[walk["step"] == number]
        if rows.empty:
            break
        groups = rows.groupby(["factor", "level"], sort=False)
        steps.append(
            [_Candidate(str(factor), level, cell.set_index("seed")["score"]) for (factor, level), cell in groups]
        )
    return steps


def _numbers(walk: pd.DataFrame) -> "pd.Series[int]":
    """The step of each row: its trial's number, otherwise the number of factors that differ from the start."""
    named = trial_numbers(walk["trial"], "ablation")
    if named.notna().all():
        return named.astype(int)
    start = walk[walk["factor"] == ""].head(1)
    differing = pd.DataFrame(
        {
            name: walk[name].map(level_key) != level_key(start[name].iloc[0])
            for name in factor_names(walk)
            if len(start)
        },
        index=walk.index,
    )
    return differing.sum(axis=1).astype(int)


def _walked(
    steps: Sequence[Sequence[_Candidate]], identity: Mapping[str, object], *, path: Sequence[str] = ()
) -> list[dict[str, object]]:
    """The rows of a walk that takes the factors of `path`; without these, the best candidate of each step."""
    rows: list[dict[str, object]] = []
    here: pd.Series[float] | None = None
    for number, candidates in enumerate(steps):
        means = [float(candidate.scores.mean()) for candidate in candidates]
        factors = [candidate.factor for candidate in candidates]
        taken = factors.index(path[number]) if path else int(np.argmax(means))
        rows += [
            {**identity, "step": number, "factor": candidate.factor, "level": candidate.level}
            | _gain(candidate.scores, here)
            | {"score": mean, "chosen": at == taken}
            for at, (candidate, mean) in enumerate(zip(candidates, means, strict=True))
        ]
        here = candidates[taken].scores
    return rows


def _gain(scores: "pd.Series[float]", before: "pd.Series[float] | None") -> dict[str, object]:
    differences = (scores - before).dropna() if before is not None else pd.Series(dtype=float)
    found = paired_interval(differences.to_numpy(dtype=np.float64))
    n = found.n if before is not None else len(scores)
    return {"n": n, "gain": found.mean, "sd": found.sd, "low": found.low, "high": found.high}


def _steps(
    path: Sequence[int], game: Floats, names: Sequence[str], goal: Mapping[str, object], one: Factorial
) -> list[list[_Candidate]]:
    """The candidates of every step, as the greedy path through a complete game evaluated them."""
    flipped: set[int] = set()
    steps = [[_Candidate("", "", one.by_seed(value_at(game, flipped)))]]
    for chosen in path:
        steps.append(
            [
                _Candidate(name, goal[name], one.by_seed(value_at(game, flipped | {j})))
                for j, name in enumerate(names)
                if j not in flipped
            ]
        )
        flipped.add(chosen)
    return steps
