import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import DataError
from ablate.storage.provenance import PreregistrationFacts, Provenance, ReuseFacts, read_provenance

# Every key, at a value that it may have.
WHOLE: dict[str, Any] = {
    "study": "cifar_mlp", "title": "A deep MLP", "started": "2026-11-21T10:30:00", "ended": "2026-11-21T10:47:52",
    "command": "ablate study cifar_mlp", "ablate_version": "0.3.0", "versions": {"python": "3.11.2"}, "backend": "jax",
    "hardware": {"machine": "Linux", "cpu": "A processor", "cores": 2, "memory_gb": 8.0, "gpus": ["L4"]},
    "nodes": [{"host": "a", "cpu": "A processor", "cores": 8, "memory_gb": 8.0, "gpus": ["L4"], "workers": 8}],
    "mixed": True,
    "workers": 2, "threads": 1, "stack": 4, "seed": 3, "git": {"commit": "e466", "dirty": True},
    "package_in_checkout": False,
    "data": {"name": "cifar10", "fingerprint": "3f9a", "stand_in": False, "source": "cifar10.npz", "n_train": 45000,
             "n_validation": 5000, "n_test": 10000, "n_classes": 10, "shape": [32, 32, 3],
             "inputs": {"left": [4], "right": [2]}, "weights": "examples", "scaling": "unit",
             "pretraining": "classes 5, 6", "placement": "examples are streamed from disk: 12 GB"},
    "data_sets": [{"name": "cifar10", "n_test": 10000}, {"name": "mnist"}], "part_of": "two",
    "parts": ["two.cifar10", "two.mnist"],
    "model": {"name": "mlp", "code": ""}, "sampler": "tpe",
    "pruning": {"pruner": "asha", "rungs": [2, 8], "reduction_factor": 4},
    "front": {"objectives": ["accuracy", "parameters"], "tolerance": 0.01, "chosen": "search-0007"},
    "monitor": "val_accuracy",
    "task": {
        "decides": "accuracy", "metrics": [{"name": "accuracy", "goal": "maximize", "unit": "points", "guess": 0.1}],
        "losses": {"": "mse"}, "kind": "classes", "names": ["a", "b"], "margin": 0.01, "margin_share": 0.02,
    },
    "margin": 0.01,
    "reference": {"optimizer": "adam", "depth": 20}, "reference_kind": "both", "designs": ["one-factor"],
    "factorial": ["optimizer"], "recipes": {"snn": {"activation": "selu", "dropout": 0.1}},
    "conditions": {"momentum": {"optimizer": ["sgd", "nag"]}}, "modes": ["find", "tune"],
    "tune": {"points": 5, "rates": [{"variant": "reference", "level": 0.1}], "extended": ["a=1"], "at_edge": ["a=2"]},
    "seeds": 6, "max_seeds": 20, "looks": [6, 12], "epochs": 20, "batch_size": 32, "patience": 5,
    "frozen": {"digest": "5ee1", "at": "2026-11-21T10:38:00", "contrasts": 40, "cells": 41, "unfrozen": 0,
               "level": 0.0125, "earlier": [{"study": "digits", "at": "2026-11-20T10:30:00"}], "among": 5, "scores": 16,
               "read_before": [{"study": "digits", "at": "2026-11-20T10:30:00", "scores": 12}], "undated": 0},
    "reused": {"rows": 1, "from": ["digits"]}, "tracking_uri": "sqlite:///mlflow.db", "experiment": "cifar_mlp",
    "parent_run_id": "0123", "time": {"total": 1072.5, "train": 1007}, "handed_over": ["build"],
    "complete": True, "interrupted": False,
    "gave_up": "", "discarded": {"test_accuracy": 3}, "changes": ["begun with keras 3.14"],
    "quick": False, "notes": ["a note"],
    "cautions": {"imbalance": ["one class"]}, "remarks": {"contamination": "too large to look"},
    "foreign": True, "source": "runs.csv", "source_id": "f00d", "read_as": "score acc",
    "metric": {"name": "acc", "direction": "maximize", "unit": "points", "scale": 100.0, "margin": 0.5, "chance": 0.1},
    "factors": ["norm"], "drawn": ["width"], "alone": ["tower"], "together": [["norm", "width"]],
    "aliased": ["norm and width always change together"], "confounded": ["data differs"], "ignored": ["host differs"],
    "looked_at": ["host"], "not_looked_at": ["notes"], "separating": ["notes separates a from b"],
    "also_varies": ["host"],
    "reference_asked": "norm=none", "target": {"norm": "batch"}, "target_stated": {"norm": "batch"},
    "seed_column": "seed", "block": "dataset", "overlap": 0.25,
}  # fmt: skip
JSON = {str: "x", float: 1.5, bool: True, list: [{"x": [1]}], dict: {"x": {"y": [{}]}}}  # a value of each type
LEVELS = ("model", "reference", "recipes", "conditions", "target")  # a level is text, a number, true or false
FREE = ("tune.rates[0].",)  # as another record makes them


def places(value: Any, key: str = "") -> dict[str, Any]:
    """Each part of a document, by the name that an error gives it."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = {f"{key}[{name}]" if isinstance(value, list) else f"{key}.{name}".strip("."): one for name, one in parts}
    return inner | {name: one for place, part in inner.items() for name, one in places(part, place).items()}


def with_part(value: Any, place: str, other: Any, key: str = "") -> Any:
    """The document with another value at a place."""
    if key == place:
        return other
    if isinstance(value, dict):
        return {name: with_part(one, place, other, f"{key}.{name}".strip(".")) for name, one in value.items()}
    if isinstance(value, list):
        return [with_part(one, place, other, f"{key}[{number}]") for number, one in enumerate(value)]
    return value


def wrong_values(place: str, good: Any) -> list[Any]:
    """Values of every JSON type but that of `good`."""
    kind = float if type(good) is int else type(good)
    scalar = (str, float, bool)
    right = scalar if kind in scalar and place.startswith(LEVELS) else (kind,)
    return [value for other, value in JSON.items() if other not in right]


def keys_of(kind: type) -> list[str]:
    return [field.name.removesuffix("_") for field in fields(kind)]


def test_the_sample_has_every_key_of_the_record_and_of_its_parts():
    record = Provenance.from_json(WHOLE)
    assert list(WHOLE) == keys_of(Provenance)
    for name in WHOLE:
        if is_dataclass(part := getattr(record, name)):
            assert list(WHOLE[name]) == keys_of(type(part))


@pytest.mark.parametrize("part", ["../other", "/tmp/x", "a/b", "..", ""])
def test_the_parts_of_a_study_are_folders_beside_it(part):
    with pytest.raises(DataError, match="parts: must be names of folders"):
        Provenance.from_json({"parts": ["two.mnist", part]})


def test_what_is_written_is_read_as_it_was(tmp_path):
    path = tmp_path / "provenance.json"
    for facts in (WHOLE, {"study": "a", **dict.fromkeys(("stack", "git", "margin", "tune", "frozen"))}):
        path.write_text(Provenance.from_json(facts).to_text())
        assert json.loads(path.read_text()) == facts
    assert read_provenance(tmp_path / "none.json") == Provenance()


def test_missing_keys_nulls_and_empty_tables_are_not_recorded_and_keys_of_a_newer_version_are_passed_over():
    assert Provenance.from_json({}) == Provenance.from_json(dict.fromkeys(WHOLE)) == Provenance()
    assert Provenance.from_json({"frozen": {}, "git": {}, "cautions": {}, "more": [{"of": "it"}]}) == Provenance()
    newer = {"frozen": {"cells": 3, "signed": "by whom"}, "reused": {"from": ["x"]}}
    assert Provenance.from_json(newer) == Provenance(
        frozen=PreregistrationFacts(cells=3), reused=ReuseFacts(from_=["x"])
    )


@pytest.mark.parametrize("place", [name for name in places(WHOLE) if not name.startswith(FREE)])
def test_a_value_of_another_type_is_refused_with_its_key_at_every_place(tmp_path, place):
    path = tmp_path / "provenance.json"
    for wrong in wrong_values(place, places(WHOLE)[place]):
        path.write_text(json.dumps(with_part(WHOLE, place, wrong)))
        with pytest.raises(DataError) as refused:
            read_provenance(path)
        first, way_out = str(refused.value).splitlines()
        assert first.startswith(f"{path}: {place}"), wrong
        assert "must be " in first
        assert ", got " in first
        assert way_out == "  delete the file to leave its sections out of the report"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"changes": 5}, "changes: must be a list, got 5"),
        ({"title": ["a"]}, 'title: must be text, got ["a"]'),
        ({"data": {"n_classes": -1}}, "data.n_classes: must be at least 0 and at most 9.22337e+18, got -1"),
        ({"data": {"n_test": 10**30}}, "data.n_test: must be at least 0"),
        ({"frozen": {"contrasts": 0.5}}, "frozen.contrasts: must be a whole number, got 0.5"),
        ({"workers": True}, "workers: must be a whole number, got true"),
        ({"time": {"total": 1e300}}, "time.total: must be at least 0 and at most 1e+100, got 1e+300"),
        ({"time": {"total": float("nan")}}, "time.total: must be at least 0 and at most 1e+100, got NaN"),
        ({"margin": -0.1}, "margin: must be at least 0"),
        ({"metric": {"direction": "maximize"}}, "metric: name is missing"),
        ({"metric": {"name": "acc", "scale": 0}}, "metric.scale: must be above 0 and at most 1e+100, got 0"),
        (
            {"task": {"decides": "a", "metrics": [{"name": "a", "goal": "up"}]}},
            'task.metrics[0].goal: must be one of "maximize", "minimize", got "up"',
        ),
        ({"modes": ["../../x"]}, 'modes[0]: must be one of "carry", "find", "tune", got "../../x"'),
        ({"seeds": "some"}, 'seeds: must be a whole number or one of "auto", got "some"'),
        ({"reference": {"a": None}}, "reference.a: must be text or a number or true or false, got null"),
        ({"versions": {"keras": None}}, "versions.keras: must be text, got null"),
        ({"cautions": {"weather": []}}, 'cautions: must be one of "contamination"'),
        ({"looks": [6, 6]}, "looks: must grow, and be 100 at most, got [6, 6]"),
        ({"looks": list(range(1, 200))}, "looks: must grow, and be 100 at most, got [1, 2, 3, 4, 5]"),
        ({"notes": "one \x1b[2J"}, 'notes: must be a list, got "one \\u001b[2J"'),
        ([], "must be a table, got []"),
        (None, "must be a table, got null"),
    ],
)  # fmt: skip
def test_the_message_says_key_rule_and_value(facts, said):
    with pytest.raises(DataError) as refused:
        Provenance.from_json(facts)
    assert str(refused.value).startswith(f"provenance.json: {said}")


@pytest.mark.parametrize("content", ["3", '"x"', "[", "", '{"title": Infinity}', '{"title": "\\ud800"}'])
def test_what_is_no_provenance_is_refused(tmp_path, content):
    (tmp_path / "provenance.json").write_text(content)
    with pytest.raises(DataError, match=r"provenance\.json: .*\n  delete "):
        read_provenance(tmp_path / "provenance.json")


def test_the_record_needs_no_heavy_library():
    heavy = "{'tensorflow', 'keras', 'mlflow', 'optuna', 'pandas', 'numpy', 'pydantic'}"
    code = f"import sys, ablate.storage.provenance; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
