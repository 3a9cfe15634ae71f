"""What layers.csv holds into the section on layers, by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import provenance

from ablate.report.inputs import read_inputs
from ablate.report.layers import layers_section, over_seeds, told_layers
from ablate.report.plots.layers import Kernel, draw_kernels, draw_layers
from ablate.storage.layers import layers_table
from ablate.storage.results import results_table, write_table
from ablate.study.trial import Label, LayerState, Outcome, TrialSpec

STATE = LayerState("start", 1, "Dense", 0.5, 1.0, 0.1, 64, 64)


def a_run(level: str, seed: int, *layers: LayerState, state: str = "finished"):
    changed = (f"initializer={level}", "initializer", level, "find", "one-factor", "reference")
    label = Label("ablation", *changed) if level else Label("ablation", "reference", design="one-factor")
    spec = TrialSpec(f"{level}-s{seed}", label, seed, {"initializer": level or "he", "learning_rate": 0.1})
    return spec, Outcome(spec.trial, state, 0.5, layers=layers), ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deep = replace(STATE, number=2, mean=-0.5, sd=4.0)
    end = [replace(STATE, when="end"), replace(deep, when="end", corner=((1.0, -2.0), (3.0, 4.0)))]
    alike = [*end[:1], replace(end[1], distinct=1, corner=((0.25, 0.25),))]
    runs = [
        a_run("zeros", 2, STATE, deep, *alike),  # it ended first
        a_run("", 1, STATE, deep, *end),
        a_run("", 2, STATE, replace(deep, sd=1.0), *end),
        a_run("zeros", 1, STATE, replace(deep, sd=None, gradient_norm=0.0), *alike),
        a_run("huge", 1, STATE, state="diverged"),
    ]
    write_table(results_table(runs), tmp_path / "results.csv")
    write_table(layers_table(outcome for _, outcome, _ in runs), tmp_path / "layers.csv")
    (tmp_path / "provenance.json").write_text(json.dumps(provenance()))
    return tmp_path


def test_a_layers_mean_is_over_seeds_geometric_but_for_that_of_the_activations(folder):
    table = over_seeds(told_layers(read_inputs(folder)))
    assert table["name"].unique().tolist() == ["", "initializer = huge", "initializer = zeros"]
    deep = table[(table["when"] == "start") & (table["number"] == 2)].set_index("name")
    assert deep.loc["", ["mean", "sd", "sd_low", "sd_high", "seeds"]].tolist() == [-0.5, 2.0, 1.0, 4.0, 2]
    zeros = deep.loc["initializer = zeros"]
    assert zeros[["sd", "gradient_norm", "gradient_norm_high"]].tolist() == [4.0, 0.0, 0.1]


def test_a_single_hidden_layer_has_no_way_to_go(tmp_path):
    runs = [a_run("", 1, STATE, replace(STATE, when="end"))]
    write_table(results_table(runs), tmp_path / "results.csv")
    write_table(layers_table(outcome for _, outcome, _ in runs), tmp_path / "layers.csv")
    (tmp_path / "provenance.json").write_text(json.dumps(provenance()))
    layers, *_ = layers_section(read_inputs(tmp_path)).blocks
    said = "In the only hidden layer, before the first step, the SD of the activations is 1.00 in the reference."
    assert layers.sentence == said


def test_the_section_says_where_units_stayed_alike_and_who_has_no_picture(folder):
    section = layers_section(read_inputs(folder))
    layers, kernels = section.blocks
    assert "the SD of the activations goes from 1.00 to 2.00 in the reference" in layers.sentence
    assert "Units stayed equal in initializer = zeros (1 of 64 distinct)." in kernels.sentence
    assert "No weights to show, because no run finished: initializer = huge." in kernels.sentence
    assert "hidden layer 2" in kernels.sentence
    assert [row[:4] for row in kernels.table.rows] == [
        ["reference", "Dense 2", "64", "64"], ["initializer = zeros", "Dense 2", "64", "1"],
    ]  # fmt: skip
    assert kernels.table.data["corner"].tolist() == ["1.0 -2.0;3.0 4.0", "", "0.25 0.25", ""]
    assert "1 of 64 units are distinct" in kernels.svg
    assert "zeros" in kernels.svg


def test_without_the_table_there_is_no_section(folder):
    (folder / "layers.csv").unlink()
    assert layers_section(read_inputs(folder)) is None


def test_a_wide_range_stands_on_a_logarithmic_scale_and_zeros_are_left_out(folder):
    runs = [a_run("", 1, *(replace(STATE, number=n, sd=10.0 ** (3 * n), gradient_norm=0.0) for n in (1, 2, 3)))]
    write_table(results_table(runs), folder / "results.csv")
    write_table(layers_table(outcome for _, outcome, _ in runs), folder / "layers.csv")
    figure = draw_layers(over_seeds(told_layers(read_inputs(folder))))
    _, sds, gradients = figure.axes
    assert sds.lines[0].get_ydata().tolist() == [3.0, 6.0, 9.0]
    assert {"10⁴", "10⁸"} <= {label.get_text() for label in sds.get_yticklabels()}
    assert gradients.lines[0].get_ydata().tolist() == [0.0, 0.0, 0.0]  # nothing to take logarithms of


def test_a_mean_that_explodes_leaves_the_panel_to_the_others(folder):
    far = [a_run("huge", 1, replace(STATE, mean=200.0))]
    near = [a_run(level, 1, replace(STATE, mean=mean)) for level, mean in (("", 0.5), ("a", 0.3), ("b", 0.01))]
    for runs, highest in ((near, 1.0), (far + near, 3 * 0.4)):
        write_table(results_table(runs), folder / "results.csv")
        write_table(layers_table(outcome for _, outcome, _ in runs), folder / "layers.csv")
        figure = draw_layers(over_seeds(told_layers(read_inputs(folder))))
        assert 0.5 < figure.axes[0].get_ylim()[1] <= highest + 1e-9


def test_a_kernel_of_zeros_is_an_empty_frame_and_signs_have_colours():
    figure = draw_kernels([Kernel("zeros", [[0.0] * 3] * 3, ""), Kernel("_x", [[1.0, -1.0], [0.5, 0.0]], "")])
    empty, full = figure.axes[:2]
    assert len(empty.patches) == 1
    assert len(full.patches) == 4
    alphas = sorted(patch.get_alpha() or 0 for patch in full.patches)
    assert alphas == [0, 0.5, 1, 1]
    assert draw_kernels([]) is None
    assert np.isfinite(full.get_xlim()).all()
