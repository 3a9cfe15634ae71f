"""provenance.json and lr_tests.json into facts of the kinds that the sections expect, whoever wrote the files."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ablate.errors import DataError
from ablate.storage.files.atomic import read_json
from ablate.storage.results import LARGEST
from ablate.study.cautions import Kind
from ablate.study.trial import Level, Mode, RateTest
from ablate.text import printable

Facts: TypeAlias = dict[str, Any]  # Any: JSON
Count = Annotated[int, Field(ge=0, lt=2**63)]
Size = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
_WAY_OUT = "  delete the file to leave its sections out"


class _Known(BaseModel):
    """A table of facts: each may be missing or null, and there may be more, which nothing here reads."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Data(_Known):
    name: str | None = None
    fingerprint: str | None = None
    stand_in: bool | None = None
    source: str | None = None
    n_train: Count | None = None
    n_validation: Count | None = None
    n_test: Count | None = None
    n_classes: Count | None = None
    shape: list[Count] | None = None
    scaling: str | None = None
    pretraining: str | None = None


class _Metric(_Known):
    name: str
    direction: str | None = None
    unit: str | None = None
    scale: Rate | None = None
    margin: Size | None = None


class _Frozen(_Known):
    digest: str | None = None
    at: str | None = None
    contrasts: Count | None = None
    cells: Count | None = None


class _Tune(_Known):
    points: Count | None = None
    extended: list[str] | None = None
    at_edge: list[str] | None = None


class _Git(_Known):
    commit: str | None = None
    dirty: bool | None = None


class _Hardware(_Known):
    machine: str | None = None
    cpu: str | None = None
    cores: Count | None = None
    memory_gb: Size | None = None
    gpus: list[str] | None = None


class _Reused(_Known):
    of: list[str] | None = Field(default=None, alias="from")


class _Facts(_Known):
    study: str | None = None
    title: str | None = None
    started: str | None = None
    ended: str | None = None
    command: str | None = None
    source: str | None = None
    foreign: bool | None = None
    read_as: str | None = None
    ablate_version: str | None = None
    versions: dict[str, str] | None = None
    hardware: _Hardware | None = None
    workers: Count | None = None
    threads: Count | None = None
    seed: Count | None = None
    git: _Git | None = None
    package_in_checkout: bool | None = None
    data: _Data | None = None
    model: dict[str, Level] | None = None
    sampler: str | None = None
    monitor: Literal["val_accuracy", "val_loss"] | None = None
    metric: _Metric | None = None
    margin: Size | None = None
    reference: dict[str, Level] | None = None
    reference_kind: str | None = None
    reference_asked: str | None = None
    alone: list[str] | None = None
    together: list[list[str]] | None = None
    target: dict[str, Level] | None = None
    designs: list[str] | None = None
    factorial: list[str] | None = None
    factors: list[str] | None = None
    drawn: list[str] | None = None
    recipes: dict[str, dict[str, Level]] | None = None
    conditions: dict[str, dict[str, list[Level]]] | None = None
    modes: list[Mode] | None = None
    tune: _Tune | None = None
    seeds: Count | Literal["auto"] | None = None
    looks: Annotated[list[Annotated[int, Field(ge=1, le=10**6)]], Field(max_length=100)] | None = None
    frozen: _Frozen | None = None
    reused: _Reused | None = None
    epochs: Count | None = None
    batch_size: Count | None = None
    patience: Count | None = None
    tracking_uri: str | None = None
    experiment: str | None = None
    parent_run_id: str | None = None
    time: dict[str, Size] | None = None
    complete: bool | None = None
    interrupted: bool | None = None
    quick: bool | None = None
    notes: list[str] | None = None
    cautions: dict[Kind, list[str]] | None = None
    remarks: dict[Kind, str] | None = None

    @model_validator(mode="after")
    def _looks_grow(self) -> "_Facts":
        looks = self.looks or []
        if any(later <= earlier for earlier, later in pairwise(looks)):
            raise ValueError("looks must grow")
        return self


class _RateTest(_Known):
    label: str
    key: str
    rates: list[Rate]
    losses: list[float | None]
    rules: dict[str, Rate | None]
    suggestion: Rate
    verdict: Literal["determined", "undetermined"]
    reason: str
    seconds: Size

    @model_validator(mode="after")
    def _one_loss_a_rate(self) -> "_RateTest":
        if len(self.rates) != len(self.losses):
            raise ValueError(f"{len(self.rates):,} rates and {len(self.losses):,} losses")
        return self

    def to_record(self) -> RateTest:
        """What the test came to; losses beyond any picture are not numbers."""
        losses = [loss if loss is not None and abs(loss) <= LARGEST else math.nan for loss in self.losses]
        known = {name: getattr(self, name) for name in RateTest.__slots__}
        return RateTest.from_json(known | {"losses": losses})


def read_facts(path: Path) -> Facts:
    """provenance.json as it is; {} without the file. Raises `DataError` at the first fact of a wrong kind."""
    found = read_json(path, otherwise={})
    try:
        _Facts.model_validate(found)
    except ValidationError as err:
        raise _refused(path, err) from err
    return dict(found)


def read_rate_tests(path: Path) -> list[tuple[str, RateTest]]:
    """The range tests under their labels; none without the file. Raises `DataError` at the first that is none."""
    found = read_json(path, otherwise=[])
    if not isinstance(found, list):
        raise DataError(f"{path}: is no list of range tests\n{_WAY_OUT}")
    try:
        tests = [_RateTest.model_validate(test) for test in found]
    except ValidationError as err:
        raise _refused(path, err) from err
    return [(test.label, test.to_record()) for test in tests]


def _refused(path: Path, err: ValidationError) -> DataError:
    first = err.errors(include_url=False)[0]
    place = printable(".".join(map(str, first["loc"])), 100)
    said = first["msg"].partition("\n")[0]
    return DataError(f"{path}: {f'{place}: ' if place else ''}{printable(said, 200)}\n{_WAY_OUT}")
