import shutil

import pytest
from synthetic import provenance, write_study

from ablate.errors import DataError
from ablate.report import ReportFiles, build_report
from ablate.report.inputs import read_inputs
from ablate.report.origin import banners, origin_section
from ablate.report.page import Definitions
from ablate.storage.verified import RetrainedTrial, Round, write_rounds

EQUAL = RetrainedTrial("a", "equal", 0.0, ("finished", "finished"), (0.5, 0.5), {"score": 0.0}, None)


def said(folder) -> dict[str, str]:
    blocks = origin_section(read_inputs(folder)).blocks
    return dict(pair for block in blocks if isinstance(block, Definitions) for pair in block.pairs)


def test_the_provenance_says_what_retraining_showed_and_before_how_to_do_it(built: ReportFiles, tmp_path):
    folder = shutil.copytree(built.html.parent, tmp_path / "study", ignore=shutil.ignore_patterns("figures", "tables"))
    assert said(folder)["Verified"].startswith("not yet; ablate verify cifar_mlp ")
    write_rounds(folder, [Round("2026-11-21T10:30:00", 127, {}, (), (EQUAL,))])
    assert said(folder)["Verified"] == "1 of 127 trials was retrained on 2026-11-21: equal to the bit"


def test_a_bare_table_has_nothing_to_be_retrained_from(built_bare: ReportFiles):
    assert "Verified" not in said(built_bare.html.parent)


def test_what_is_null_in_the_file_is_not_told(tmp_path):
    folder = write_study(tmp_path / "s", n_seeds=2, facts=dict.fromkeys(provenance()))
    build_report(folder)
    assert not any("None" in text for pair in said(folder).items() for text in pair)
    assert "Study seed" not in said(folder)


def test_a_value_of_another_type_ends_the_report_with_its_key(tmp_path):
    folder = write_study(tmp_path / "s", n_seeds=2, facts={"changes": 5})
    with pytest.raises(DataError, match=r"provenance\.json: changes: must be a list, got 5\n  delete the file"):
        build_report(folder)


def test_the_shape_of_each_of_several_inputs_is_told(tmp_path):
    data = {**provenance()["data"], "shape": None, "inputs": {"left": [28, 28, 1], "age": [1]}}
    folder = write_study(tmp_path / "s", n_seeds=2, facts={"data": data})
    assert " · left 28 × 28 × 1, age 1 · " in said(folder)["Data"]


def test_the_machines_of_a_cluster_are_named_and_unlike_ones_have_a_banner(tmp_path):
    nodes = [{"host": f"node-{n}", "cpu": "AMD EPYC", "workers": 1 + n} for n in range(8)]
    folder = write_study(tmp_path / "s", n_seeds=2, facts={"nodes": nodes, "mixed": True})
    assert said(folder)["Machines"] == (
        "8 machines of a cluster at the start: node-0 (AMD EPYC, 1 worker), "
        + ", ".join(f"node-{n} (AMD EPYC, {1 + n} workers)" for n in range(1, 6))
        + " and 2 more"
    )
    assert "Unlike machines" in dict(banners(read_inputs(folder)))
    alike = write_study(tmp_path / "alike", n_seeds=2, facts={"nodes": nodes[:1]})
    assert "Unlike machines" not in dict(banners(read_inputs(alike)))
    assert said(alike)["Machines"] == "1 machine of a cluster at the start: node-0 (AMD EPYC, 1 worker)"
