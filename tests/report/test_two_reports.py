import json

import pytest
from synthetic import write_study
from two_studies import with_facts, write_two

from ablate.errors import AblateError
from ablate.report.two_reports import read_two


def differing(two):
    return {(one.kind, one.name): (one.a, one.b) for one in two.unlike}


def test_two_runs_of_one_study_differ_in_nothing_and_are_paired(tmp_path):
    two = read_two(*write_two(tmp_path))
    assert differing(two) == {}
    assert (two.is_same_data, two.is_paired) == (True, True)
    assert len(two.both) == 12
    assert set(two.both["basis"]) == {"paired by seed"}
    assert [len(only) for only in two.only] == [0, 0]
    assert two.labels == ("a", "b")


def test_what_differs_is_told_by_kind(tmp_path):
    a, b = write_two(tmp_path)
    (b / "study.toml").write_text((b / "study.toml").read_text().replace("depth = 20", "depth = 10\nunits = [100]"))
    facts = json.loads((b / "provenance.json").read_text())
    with_facts(
        b,
        versions=facts["versions"] | {"keras": "3.14.0"} | {"jax": "0.10"},
        hardware=facts["hardware"] | {"cpu": "Another"},
        reference=facts["reference"] | {"dropout": 0.2},
        margin=0.02,
        model={"name": "my.py:build", "code": "c0de" * 16},
    )
    found = differing(read_two(a, b))
    assert found["setting", "model.depth"] == ("20", "10")
    assert found["setting", "model.units"] == ("unset", "100")
    assert found["version", "keras"] == ("3.15.0", "3.14.0")
    assert found["version", "jax"] == ("none", "0.10")
    assert found["condition", "device"] == ("A processor", "Another")
    assert found["condition", "own code"] == ("not recorded", "c0dec0dec0de")
    assert found["reference", "dropout"] == ("0.0", "0.2")
    assert found["judging", "smallest difference that matters"][1] == "2 points"


def test_other_data_or_another_study_seed_make_the_studies_independent(tmp_path):
    a, b = write_two(tmp_path)
    data = json.loads((b / "provenance.json").read_text())["data"]
    two = read_two(a, with_facts(b, seed=1))
    assert (two.is_same_data, two.is_paired) == (True, False)
    two = read_two(a, with_facts(b, seed=0, data=data | {"fingerprint": "beef" * 16}))
    assert (two.is_same_data, two.is_paired) == (False, False)
    assert ("data", "fingerprint") in differing(two)
    assert set(two.both["basis"]) == {"independent"}
    two = read_two(a, with_facts(b, data=data | {"fingerprint": None}))
    assert (two.is_same_data, two.is_paired) == (None, False)


def test_another_verdict_and_what_only_one_has_are_found(tmp_path):
    two = read_two(*write_two(tmp_path, drop="dropout=0.3", add={"normalization=batch": -0.1}))
    assert "normalization=batch" in set(two.changed["variant"])
    assert [list(only["variant"]) for only in two.only] == [["dropout=0.3"], []]
    (row,) = two.both[two.both["variant"] == "normalization=batch"].to_dict("records")
    assert row["difference"] == pytest.approx(-0.1, abs=0.01)
    assert row["difference_high"] < 0


def test_another_metric_is_refused_with_the_way_out(tmp_path):
    a, b = write_two(tmp_path)
    task = {"decides": "loss", "metrics": [{"name": "loss", "goal": "minimize", "unit": "nats"}]}
    with pytest.raises(AblateError, match="a is judged by test accuracy in points, higher is better, b by") as err:
        read_two(a, with_facts(b, task=task))
    assert "metric.name" in str(err.value)


def test_one_folder_or_one_without_comparisons_is_refused(tmp_path):
    a, b = write_two(tmp_path)
    with pytest.raises(AblateError, match="both names lead to this folder"):
        read_two(a, a)
    lines = (b / "results.csv").read_text().splitlines()
    (b / "results.csv").write_text("\n".join(line for line in lines if ",ablation," not in line) + "\n")
    with pytest.raises(AblateError, match="b: has no comparisons"):
        read_two(a, b)


def test_folders_of_one_name_are_told_apart_by_what_they_lie_in(tmp_path):
    a, b = write_study(tmp_path / "first" / "mine"), write_study(tmp_path / "second" / "mine")
    assert read_two(a, b).labels == ("first/mine", "second/mine")


def test_bare_tables_are_compared_without_provenance(tmp_path):
    a, b = write_study(tmp_path / "a", bare=True), write_study(tmp_path / "b", bare=True, n_seeds=7)
    two = read_two(a, b)
    assert two.is_same_data is None
    assert set(two.both["basis"]) == {"independent", "lost runs"}
