"""Read two folders of results and find what differs: settings, data, versions, conditions, and every effect."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.analysis.effects.side_by_side import StudyEffects, only_in_one, side_by_side
from ablate.errors import AblateError
from ablate.report.inputs import Inputs, read_inputs, trained_reference
from ablate.report.origin import data_text
from ablate.storage.conditions import Conditions, described, of_provenance
from ablate.storage.results import factor_name
from ablate.storage.resume import differences, read_starting_conditions
from ablate.text import printable

NOT_RECORDED = "not recorded"
NOT_COMPARED = ("title", "name")  # settings that decide nothing


@dataclass(frozen=True, slots=True)
class Unlike:
    """Something in which two studies differ."""

    kind: str  # "setting", "reference", "data", "judging", "version" or "condition"
    name: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class TwoReports:
    """Two studies side by side."""

    labels: tuple[str, str]
    inputs: tuple[Inputs, Inputs]
    unlike: tuple[Unlike, ...]
    both: pd.DataFrame  # `SIDE_COLUMNS`
    only: tuple[pd.DataFrame, pd.DataFrame]  # rows of each effects table that the other one lacks
    is_paired: bool  # runs of one seed share data and split
    is_same_data: bool | None  # None: not recorded

    @property
    def metric(self) -> Metric:
        """The metric of both."""
        return self.inputs[0].metric

    @property
    def changed(self) -> pd.DataFrame:
        """The comparisons with another verdict."""
        return self.both[self.both["is_changed"].astype(bool)]


def read_two(a: Path, b: Path) -> TwoReports:
    """Read both folders. Raises `AblateError` if they are one folder, or their effects cannot stand side by side."""
    if a.resolve() == b.resolve():
        raise AblateError(f"{_named(a)}: both names lead to this folder\n  name two folders with results")
    inputs = read_inputs(a), read_inputs(b)
    labels = _labels(a, b)
    _check_metrics(labels, inputs)
    fingerprints = [_fingerprint(one) for one in inputs]
    is_same = fingerprints[0] == fingerprints[1] if all(fingerprints) else None
    is_paired = is_same is True and inputs[0].facts.seed is not None and inputs[0].facts.seed == inputs[1].facts.seed
    mine, theirs = (_effects(one) for one in inputs)
    return TwoReports(
        labels,
        inputs,
        tuple(_unlike(*inputs)),
        side_by_side(mine, theirs, shares_runs=is_paired),
        only_in_one(mine.effects, theirs.effects),
        is_paired,
        is_same,
    )


def _effects(inputs: Inputs) -> StudyEffects:
    is_plain = inputs.data_sets is None and not inputs.facts.overlap
    return StudyEffects(inputs.effects, inputs.scores, is_plain)


def _labels(a: Path, b: Path) -> tuple[str, str]:
    """The names of the folders; with those of the folders around them if they are equal."""
    paths = a.resolve(), b.resolve()
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if names[0] != names[1]:
            break
    return printable(names[0]), printable(names[1])


def _check_metrics(labels: tuple[str, str], inputs: tuple[Inputs, Inputs]) -> None:
    for label, one in zip(labels, inputs, strict=True):
        if one.effects.empty:
            way_out = "its ablation has not begun, or has no variants: ablate plan says what is missing"
            raise AblateError(f"{label}: has no comparisons\n  {way_out}")
    a, b = (_measure(one.metric) for one in inputs)
    if a != b:
        raise AblateError(
            f"{labels[0]} is judged by {a}, {labels[1]} by {b}: such effects cannot be set side by side\n"
            "  run one of them with the other's metric (--set metric.name=…, --fresh), up to the same phase"
        )


def _measure(metric: Metric) -> str:
    unit = f" in {metric.unit}" if metric.unit else ""
    return f"{metric.label}{unit}, {'lower' if metric.direction == 'minimize' else 'higher'} is better"


def _fingerprint(inputs: Inputs) -> str:
    several = inputs.facts.data_sets
    return " ".join(str(one.fingerprint or "") for one in several) if several else inputs.data.fingerprint or ""


def _unlike(a: Inputs, b: Inputs) -> Iterator[Unlike]:
    yield from _settings(a, b)
    references = ({factor_name(name): level for name, level in trained_reference(one).items()} for one in (a, b))
    yield from _of_tables("reference", *references)
    yield from _of_tables("data", *map(_data, (a, b)))
    yield from _of_tables("judging", *map(_judging, (a, b)))
    yield from _of_tables("version", *map(_versions, (a, b)), otherwise="none")
    yield from _of_tables("condition", *map(_conditions, (a, b)))


def _settings(a: Inputs, b: Inputs) -> Iterator[Unlike]:
    mine, theirs = (_tree(one.study_file) for one in (a, b))
    if not (mine and theirs):
        if mine or theirs:
            yield Unlike("setting", "study file", *("recorded" if tree else NOT_RECORDED for tree in (mine, theirs)))
        return
    for change in differences(mine, theirs):
        if change.key[0] not in NOT_COMPARED:
            yield Unlike("setting", ".".join(change.key), _shown(change.before), _shown(change.after))


def _tree(text: str) -> dict[str, Any]:  # Any: TOML
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _shown(value: object) -> str:
    match value:
        case None:
            return "unset"
        case bool():
            return str(value).lower()
        case list():
            return printable(", ".join(map(_shown, value)), 300)
        case _:
            return printable(str(value), 300)


def _data(inputs: Inputs) -> dict[str, str]:
    data = inputs.data
    found = {
        "data": data_text(inputs) or inputs.facts.source or "",
        "fingerprint": _fingerprint(inputs),
        "source": data.source or "",
        "scaling": data.scaling or "",
        "table": inputs.facts.source_id or "",
        "study seed": "" if inputs.facts.seed is None else str(inputs.facts.seed),
    }
    return {name: text for name, text in found.items() if text}


def _judging(inputs: Inputs) -> dict[str, str]:
    metric = inputs.metric
    return {
        "smallest difference that matters": f"{metric.margin * metric.scale:g} {metric.unit}".strip(),
        "family-wise level": f"{inputs.level:g}",
        "comparisons in the family": str(len(inputs.primary_effects())),
        "learning-rate modes": ", ".join(mode or "as given" for mode in inputs.modes),
    }


def _versions(inputs: Inputs) -> dict[str, str]:
    ablate = {"ablate": inputs.facts.ablate_version} if inputs.facts.ablate_version else {}
    return {**ablate, **(inputs.facts.versions or {})}


def _conditions(inputs: Inputs) -> dict[str, str]:
    """What numbers depend on besides settings, data and versions."""
    known, git = _known(inputs), inputs.facts.git
    found = {name: text for name, text in described(known).items() if name not in (inputs.facts.versions or {})}
    if known.model:
        found["own code"] = known.model[:12]
    if git is not None and git.commit:
        found["git commit"] = f"{git.commit[:12]}{' with changes' if git.dirty else ''}"
    return found


def _known(inputs: Inputs) -> Conditions:
    begun = read_starting_conditions(inputs.folder / "begun.json")
    return begun.conditions if begun is not None else of_provenance(inputs.facts)


def _of_tables(
    kind: str, a: Mapping[str, str], b: Mapping[str, str], *, otherwise: str = NOT_RECORDED
) -> Iterator[Unlike]:
    for name in dict.fromkeys([*a, *b]):
        before, after = (printable(str(table.get(name, otherwise)), 300) for table in (a, b))
        if before != after:
            yield Unlike(kind, name, before, after)


def _named(path: Path) -> str:
    return printable(str(path), 300)
