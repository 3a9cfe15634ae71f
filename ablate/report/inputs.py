"""Read a study's folder for the report: tables, range tests, provenance, and the computed effects."""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ablate.analysis.effects import (
    LOST,
    DataSetEffects,
    Metric,
    blocks_of,
    confirmatory_runs,
    data_set_effects,
    effects_of_runs,
    metric_unit,
    mode_changes,
    mode_rank,
    pair_runs,
    primary_metric,
)
from ablate.analysis.effects.metric import own_direction
from ablate.analysis.effects.modes import MODE_COLUMNS
from ablate.analysis.statistics import spend
from ablate.errors import AblateError, DataError
from ablate.storage.files.json_file import to_plain
from ablate.storage.layers import layers_table, read_layers
from ablate.storage.preregistration import ALPHA
from ablate.storage.provenance import DataFacts, Provenance, TaskFacts, read_provenance
from ablate.storage.rate_tests import read_rate_tests
from ablate.storage.results import factor_columns, read_epochs, read_results, without_unscored
from ablate.study.model_ref import ModelRef
from ablate.study.rate import FIND
from ablate.study.task import classification
from ablate.study.tree import study_text
from ablate.study.trial import RATE_SETTING, REFERENCE, RateTest
from ablate.text import printable


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of all sections. Only `results` is guaranteed to have rows."""

    folder: Path
    results: pd.DataFrame
    epochs: pd.DataFrame  # empty without the file
    rate_tests: list[tuple[str, RateTest]]  # (label, test)
    facts: Provenance
    study_file: str  # "" without the file
    metric: Metric
    runs: pd.DataFrame  # of one-factor comparisons, as `confirmatory_runs` returns them
    effects: pd.DataFrame
    scores: pd.DataFrame  # one row per pair
    looks: tuple[int, ...] = ()  # seeds at each look, if seeds were added to undecided comparisons
    layers: pd.DataFrame = field(default_factory=lambda: layers_table([]))  # as `read_layers` returns them
    # How the effects change with the learning-rate mode, as `mode_changes` returns it.
    mode_changes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MODE_COLUMNS)))
    # Of comparisons on several data sets, whose pooled effects are `effects`; None for one data set.
    data_sets: DataSetEffects | None = None

    @property
    def level(self) -> float:
        """The level at which the comparisons are judged."""
        return level_in(self.facts)

    @property
    def data(self) -> DataFacts:
        """Facts about the data set; of several, what all of them share."""
        several = self.facts.data_sets
        return shared_facts(several) if several else self.facts.data or DataFacts()

    @property
    def model(self) -> dict[str, Any]:  # Any: TOML
        """The model and its options from the study file, and the digest of its code if recorded."""
        try:
            stated = tomllib.loads(self.study_file).get("model")
        except (ValueError, RecursionError):
            stated = None
        return (dict(stated) if isinstance(stated, dict) else {}) | dict(self.facts.model or {})

    @property
    def own_trial(self) -> Literal["", "train", "command"]:
        """Whether a user's function or program trained the runs by itself; "" if this package did."""
        if self.is_imported:
            return ""
        return "train" if "train" in self.model else "command" if "command" in self.model else ""

    @property
    def trained_by(self) -> str:
        """The function or the program that trained the runs by itself, within a sentence."""
        return str(self.model["train"]) if self.own_trial == "train" else f"the program “{self.model['command']}”"

    @property
    def model_ref(self) -> ModelRef:
        """The model named in the study file or the provenance, without options; "" if neither names one."""
        if self.own_trial == "command":
            return ModelRef(None, role="command", command=str(self.model["command"]))
        return ModelRef.of(str(self.model.get("name") or ""))

    @property
    def title(self) -> str:
        """The study's title, or its folder's name."""
        return self.facts.title or self.facts.study or self.folder.resolve().name

    @property
    def task(self) -> TaskFacts:
        """What the networks learned, and how they were judged."""
        return task_in(self.facts, self.results)

    @property
    def monitor(self) -> str:
        """The validation metric that early stopping watched."""
        return self.facts.monitor or guess_monitor(self.results)

    @property
    def modes(self) -> list[str]:
        """The learning-rate modes of the comparisons; the headline's mode first."""
        found = self.effects["mode"].unique()
        return sorted(found, key=mode_rank)

    @property
    def lost_count(self) -> str:
        """How a run that did not finish is scored; "" if the score of guessing is unknown, and the run has no score."""
        return "" if math.isnan(self.metric.chance) else "at the worse of guessing and the worst run that finished"

    @property
    def is_imported(self) -> bool:
        """Whether another tool made the table: then little is known about its runs."""
        return bool(self.facts.foreign)

    @property
    def has_seeds(self) -> bool:
        """Whether runs have seeds by which they can be paired; false for an imported table without such a column."""
        return self.facts.seed_column != ""

    @property
    def score_metric(self) -> Metric:
        """The validation score that the search maximised, as a metric."""
        if self.facts.metric:
            return self.metric
        return replace(self.measure(self.monitor), column="score", sign=1)

    def measure(self, column: str) -> Metric:
        """A recorded metric by its column, "val_mae", in the unit and direction that the task gives it."""
        name = column.partition("_")[2]
        known = next((metric for metric in self.task.metrics if metric.name == name), None)
        scale, unit = metric_unit(name) if known is None else (100.0 if known.unit == "points" else 1.0, known.unit)
        direction = own_direction(name) if known is None else known.goal
        sign = -1 if direction == "minimize" else 1
        return Metric(column, column, sign, scale, unit, math.nan, 0.0, direction)

    def confirmatory(self) -> pd.DataFrame:
        """The rows behind the comparisons of all designs, as in the table."""
        return self.results[self.results["phase"] == "ablation"]

    def tuning_seeds(self) -> set[int]:
        """The seeds of the search and of the tuning."""
        rows = self.results[self.results["phase"].isin(("search", "tune"))]
        return {int(seed) for seed in pd.to_numeric(rows["seed"], errors="coerce").dropna()}

    def primary_effects(self) -> pd.DataFrame:
        """The effects in the headline's learning-rate mode."""
        return self.effects[self.effects["mode"] == self.modes[0]] if len(self.effects) else self.effects


def read_inputs(folder: Path) -> Inputs:
    """Read the files that exist. Raises `DataError` if results.csv is missing or a file is broken."""
    results = without_unscored(read_results(folder / "results.csv"))
    facts = read_provenance(folder / "provenance.json")
    return Inputs(
        folder=folder,
        results=results,
        epochs=read_epochs(folder / "epochs.csv"),
        rate_tests=read_rate_tests(folder / "lr_tests.json"),
        facts=facts,
        study_file=_study_file(folder / "study.toml"),
        runs=confirmatory_runs(results),
        layers=read_layers(folder / "layers.csv"),
        **_judged(results, facts),
    )


def _judged(results: pd.DataFrame, facts: Provenance) -> dict[str, Any]:  # Any: fields of `Inputs`
    """The effects with their metric, pairs and looks."""
    found = _on_data_sets(results, facts)
    if found is not None:
        return {"metric": found.metric, "effects": found.pooled, "scores": found.pairs, "data_sets": found}
    data = facts.data or DataFacts()
    metric = primary_metric(
        results, task=task_in(facts, results), n_test=data.n_test, margin=facts.margin, stated=_stated(facts)
    )
    looks = tuple(facts.looks or ()) if facts.seeds == "auto" else ()
    runs, level = confirmatory_runs(results), level_in(facts)
    plan = spend(looks, alpha=level) if looks else None
    scores, overlap = pair_runs(runs, metric), float(facts.overlap or 0.0)
    effects = effects_of_runs(runs, metric, alpha=level, looks=plan, overlap=overlap)
    changes = mode_changes(_whole(scores, effects), metric, alpha=level, looks=plan, overlap=overlap)
    return {"metric": metric, "effects": effects, "scores": scores, "looks": looks, "mode_changes": changes}


def _on_data_sets(results: pd.DataFrame, facts: Provenance) -> DataSetEffects | None:
    """The effects on each data set and over all, if the comparisons were made on several."""
    task, n_test = task_in(facts, results), {str(data.name): data.n_test for data in facts.data_sets or ()}
    blocks = blocks_of(results, task=task, n_test=n_test, margin=facts.margin, stated=_stated(facts))
    if not blocks:
        return None
    overlap = float(facts.overlap or 0.0)
    return data_set_effects(blocks, alpha=level_in(facts), overlap=overlap, margin_share=task.margin_share)


def _stated(facts: Provenance) -> dict[str, Any] | None:  # Any: JSON
    return to_plain(facts.metric) if facts.metric else None


def _whole(scores: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """The pairs without the comparisons of which no size is known, since runs were lost."""
    lost = effects.loc[effects["verdict"] == LOST, ["variant", "mode"]].itertuples(index=False, name=None)
    cells = pd.MultiIndex.from_frame(scores[["variant", "mode"]])
    return scores[~cells.isin(list(lost))]


def shared_facts(several: Sequence[DataFacts]) -> DataFacts:
    """The names of several data sets, and those facts that are the same for all; a stand-in if one is."""
    same = {
        name: getattr(several[0], name)
        for name in ("source", "scaling", "weights", "n_classes")
        if all(getattr(data, name) == getattr(several[0], name) for data in several)
    }
    stand_ins = [str(data.name) for data in several if data.stand_in]
    names = ", ".join(stand_ins or [str(data.name) for data in several])
    return DataFacts(name=names, stand_in=bool(stand_ins), **same)


def level_in(facts: Provenance) -> float:
    """The level at which the comparisons are judged: 5 %, or what earlier preregistrations left of it."""
    level = facts.frozen.level if facts.frozen else None
    return ALPHA if level is None else level


def task_in(facts: Provenance, results: pd.DataFrame) -> TaskFacts:
    """The task of a study; studies of older versions predicted classes."""
    if facts.task:
        return facts.task
    n_classes = facts.data.n_classes if facts.data else None
    return TaskFacts.of(classification(facts.monitor or guess_monitor(results), n_classes or 0))


def guess_monitor(results: pd.DataFrame) -> str:
    """The metric behind the scores: losses are negative as scores."""
    scores = pd.to_numeric(results["score"], errors="coerce").dropna()
    return "val_loss" if len(scores) and scores.max() < 0 else "val_accuracy"


def reference_levels(inputs: Inputs) -> dict[str, str]:
    """The reference configuration: from the provenance, else from the reference's rows."""
    stated = inputs.facts.reference
    if stated:
        return {str(name): str(level) for name, level in stated.items()}
    runs = inputs.results[inputs.results["variant"] == REFERENCE]
    names = factor_columns(inputs.results) if len(runs) else []
    return {"learning_rate" if name == RATE_SETTING else name: str(runs[name].iloc[0]) for name in names}


def trained_reference(inputs: Inputs) -> dict[str, str]:
    """The reference as trained in the comparisons, without a typed rate where each run finds its own."""
    levels, modes = reference_levels(inputs), {mode for mode in inputs.modes if mode}
    if modes and "carry" not in modes and not levels.get("learning_rate", FIND).startswith(FIND):
        levels["learning_rate"] = FIND
    return levels


def reference_mean(inputs: Inputs) -> float:
    """The reference's mean over its finished runs on the metric, in the file's unit; NaN without any."""
    runs = inputs.runs
    finished = runs[(runs["variant"] == REFERENCE) & (runs["state"] == "finished")]
    return float(inputs.metric.sign * finished[inputs.metric.column].mean()) if len(finished) else math.nan


def _study_file(path: Path) -> str:
    try:
        return study_text(path)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AblateError) as err:
        said = printable(str(err), 200)
        raise DataError(
            f"{path}: cannot be read: {said}\n  delete the file to leave its section out of the report"
        ) from err
