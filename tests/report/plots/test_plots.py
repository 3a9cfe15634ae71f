import math
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ablate.analysis.effects import Metric
from ablate.report.plots import (
    MOST_DRAWN,
    MOST_POINTS,
    MOST_RUNS,
    draw_curves,
    draw_effects,
    draw_history,
    draw_importances,
    draw_modes,
    draw_rate_tests,
    extremes,
    inline_svg,
    lr_test_svg,
    rate_text,
    shorten,
    to_svg,
)
from ablate.study.trial import RateTest

METRIC = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<script>alert(1)</script>", "$x_1$", "_hidden", "a" * 200, "\x00\x1b", "")


def effect(
    level: str, mean: float, *, verdict: str = "helps", mode: str = "find", diverged: int = 0
) -> dict[str, object]:
    half = 0.01
    return {
        "factor": "activation", "level": level, "variant": f"activation={level}", "mode": mode, "n": 6, "mean": mean,
        "low": mean - half, "high": mean + half, "low_adjusted": mean - 2 * half, "high_adjusted": mean + 2 * half,
        "verdict": verdict, "diverged": diverged,
    }  # fmt: skip


def scores(*effects: dict[str, object]) -> pd.DataFrame:
    rows = [
        {"variant": e["variant"], "mode": e["mode"], "difference": float(str(e["mean"])) + (seed - 2) / 500,
         "state": "diverged" if seed < int(str(e["diverged"])) else "finished"}
        for e in effects
        for seed in range(5)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["variant", "mode", "difference", "state"])


def texts(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(to_svg(figure, name="x", title="T", description="D"))
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


def forest(*effects: dict[str, object]) -> Figure:
    figure = draw_effects(
        pd.DataFrame(effects), scores(*effects), metric=METRIC, decimals=1, label="difference, points"
    )
    assert figure is not None
    return figure


def rate_test(verdict: str = "determined") -> RateTest:
    rates = tuple(10.0**x for x in np.linspace(-7, 0, 50))
    losses = tuple(2.3 - 1.8 / (1 + math.exp(-(math.log10(rate) + 3) / 0.35)) for rate in rates)
    return RateTest("k", rates, losses, {"valley": 1e-3, "steepest": None}, 1.3e-3, verdict, "", 0.1)  # type: ignore[arg-type]


def test_a_forest_row_says_mean_interval_and_verdict() -> None:
    said = texts(forest(effect("relu", 0.039), effect("elu", -0.021, verdict="hurts")))
    assert {"+3.9 [2.9, 4.9]", "helps", "−2.1 [−3.1, −1.1]", "hurts", "▲", "▼", "activation"} <= set(said)


def test_verdict_and_state_are_told_by_shape_and_word() -> None:
    said = texts(forest(effect("sgd", -0.1, verdict="inconclusive", diverged=2)))
    assert "○" in said
    assert "✕ 2 of 6 did not finish" in said


def test_names_are_drawn_as_they_are_and_never_read_as_markup() -> None:
    said = texts(forest(*(effect(name, 0.01) for name in HOSTILE)))
    assert {"<script>alert(1)</script>", "$x_1$", "_hidden", "(empty)"} <= set(said)
    assert max(map(len, said)) < 60


def test_a_variant_that_lost_runs_does_not_squeeze_the_others() -> None:
    calm, lost = effect("relu", 0.01), effect("sgd", -0.4, diverged=4)
    assert extremes(pd.DataFrame([calm, lost]), scores(calm, lost), metric=METRIC) == ["activation=sgd"]
    figure = forest(calm, lost)
    low, high = figure.axes[0].get_xlim()
    assert -10 < low < 0 < high < 10
    assert "−40.0, off the axis" in texts(figure)


def test_the_axis_holds_everything_where_all_runs_were_lost() -> None:
    figure = forest(effect("sgd", -0.4, diverged=5), effect("adam", -0.3, diverged=5))
    low, high = figure.axes[0].get_xlim()
    assert low < -42
    assert high > 0.5


def test_thirty_variants_do_not_share_rows() -> None:
    figure = forest(*(effect(f"level {i}", i / 1000) for i in range(30)))
    ticks = figure.axes[0].get_yticks()
    assert len(ticks) == 31  # and the factor's heading
    assert np.diff(ticks).min() > 0.5


def test_one_seed_has_a_dot_and_no_interval() -> None:
    lonely = effect("relu", 0.01, verdict="too few seeds") | dict.fromkeys(
        ("low", "high", "low_adjusted", "high_adjusted"), math.nan
    )
    assert {"+1.0", "too few seeds"} <= set(texts(forest(lonely)))


def test_a_dot_says_its_run_on_hovering_and_every_mark_of_a_row_has_its_key() -> None:
    calm = effect("relu", 0.01)
    said = scores(calm).assign(said=[f"seed {seed} & <run>" for seed in range(5)])
    figure = draw_effects(pd.DataFrame([calm]), said, metric=METRIC, decimals=1, label="")
    assert figure is not None
    root = ElementTree.fromstring(to_svg(figure, name="x", title="T", description="D"))
    dots = [use for use in root.iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    assert [dot.findtext(f"{SVG}title") for dot in dots] == [f"seed {seed} & <run>" for seed in range(5)]
    keyed = [group for group in root.iter() if group.get("data-key") == "effects-0"]
    assert len(keyed) == 8  # dots, two intervals, mean, three texts, the level's name
    assert not any("mark:" in (element.get("id") or "") for element in root.iter())


def test_what_is_compared_with_the_best_stands_apart() -> None:
    first = effect("relu", 0.01) | {"against": "reference"}
    second = effect("relu", 0.02) | {"against": "best", "variant": "best: activation=relu"}
    whole = effect("", 0.03) | {"against": "reference", "variant": "best", "factor": ""}
    said = texts(forest(first, whole, second))
    assert {"activation", "activation, changed in the best", "configuration", "best of the search"} <= set(said)


def test_of_many_variants_the_first_are_drawn() -> None:
    figure = forest(*(effect(f"level {i}", i / 1000) for i in range(MOST_DRAWN + 5)))
    assert len(figure.axes[0].get_yticks()) == MOST_DRAWN + 1


def test_modes_that_lie_off_the_axis_share_one_arrow() -> None:
    calm = [effect("relu", 0.01, mode=mode) for mode in ("find", "carry")]
    lost = [effect("sgd", -0.4, mode=mode, diverged=3) for mode in ("find", "carry")]
    figure = draw_modes(pd.DataFrame([*calm, *lost]), metric=METRIC, label="")
    assert figure is not None
    assert [text for text in texts(figure) if "off the axis" in text] == ["−40.0 and −40.0, off the axis"]


def test_no_rows_no_figure() -> None:
    none = pd.DataFrame([effect("relu", 0.0)]).iloc[:0]
    assert draw_effects(none, scores(), metric=METRIC, decimals=1, label="") is None
    assert draw_modes(none, metric=METRIC, label="") is None
    assert draw_curves(pd.DataFrame(), pd.DataFrame(), label="") is None
    assert draw_rate_tests([]) is None
    assert draw_history(pd.DataFrame(), label="") is None
    assert draw_importances(pd.DataFrame(), {}) is None


def test_modes_need_two() -> None:
    one = pd.DataFrame([effect("relu", 0.01)])
    assert draw_modes(one, metric=METRIC, label="") is None
    two = draw_modes(pd.concat([one, pd.DataFrame([effect("relu", 0.02, mode="carry")])]), metric=METRIC, label="")
    assert two is not None
    assert {"learning rate: find", "learning rate: carry", "activation = relu"} <= set(texts(two))


def test_curves_have_a_panel_a_factor_with_the_reference_in_each() -> None:
    rows = [
        {"factor": factor, "level": level, "trial": f"{factor}{level}{seed}", "state": "finished", "epoch": epoch,
         "validation": 10.0 * epoch, "train": 11.0 * epoch}
        for factor, level in (("", ""), ("norm", "_batch"), ("activation", "$x$"))
        for seed in range(2)
        for epoch in range(1, 4)
    ]  # fmt: skip
    curves = pd.DataFrame(rows)
    means = curves.groupby(["factor", "level", "epoch"], as_index=False)[["validation", "train"]].mean()
    figure = draw_curves(curves, means, label="accuracy, %")
    assert figure is not None
    assert len(figure.axes) == 2
    said = texts(figure)
    assert said.count("reference") == 2
    assert {"_batch", "$x$", "norm", "activation", "accuracy, %", "epoch"} <= set(said)


def test_a_range_test_says_its_rate_or_that_it_found_none() -> None:
    figure = draw_rate_tests([("reference", [rate_test()]), ("sgd", [rate_test("undetermined")])])
    assert figure is not None
    assert {"1.3e-3", "undetermined, guess 1.3e-3", "valley", "steepest", "10⁻⁷"} <= set(texts(figure))


def test_of_many_runs_as_many_of_each_level_are_drawn_and_all_are_in_the_mean() -> None:
    curves = pd.DataFrame(
        {"factor": "a", "level": level, "trial": f"{level}{run}", "state": "finished", "epoch": epoch,
         "validation": 1.0 * epoch, "train": 1.0 * epoch}
        for level in ("x", "y")
        for run in range(MOST_RUNS)
        for epoch in (1, 2)
    )  # fmt: skip
    means = curves.groupby(["factor", "level", "epoch"], as_index=False)[["validation", "train"]].mean()
    figure = draw_curves(curves, means, label="accuracy, %")
    assert figure is not None
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() == 0.5]
    assert len(thin) == MOST_RUNS


def test_one_range_test_makes_a_document() -> None:
    drawn = lr_test_svg(rate_test(), unit="nats")
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "loss, nats" in drawn
    assert "loss, nats" not in lr_test_svg(rate_test())


def test_history_counts_each_state() -> None:
    history = pd.DataFrame(
        {"number": [1, 2, 3], "value": [40.0, math.nan, 30.0], "best": [40.0, 40.0, 40.0],
         "state": ["finished", "diverged", "out_of_memory"]}
    )  # fmt: skip
    figure = draw_history(history, label="validation accuracy, %")
    assert figure is not None
    assert {"finished (1)", "diverged (1)", "out of memory (1)", "best so far"} <= set(texts(figure))


def test_a_long_history_is_thinned_and_keeps_every_trial_that_led() -> None:
    n = 4 * MOST_POINTS
    value = np.zeros(n)
    value[[3, 4001]] = 1.0, 2.0
    history = pd.DataFrame(
        {"number": range(1, n + 1), "value": value, "best": np.maximum.accumulate(value), "state": "finished"}
    )
    figure = draw_history(history, label="score")
    assert figure is not None
    step, points = figure.axes[0].lines
    assert MOST_POINTS <= len(points.get_xdata()) <= MOST_POINTS + 2
    assert {4, 4002} <= set(points.get_xdata())
    assert f"finished ({n:,})" in texts(figure)
    assert max(step.get_ydata()) == 2.0


def test_fanova_shows_what_it_leaves_to_interactions_and_what_is_not_above_noise_is_hollow() -> None:
    table = pd.DataFrame(
        {"factor": ["a", "b"], "importance": [0.5, 0.2], "evaluator": "fanova", "low": [0.4, 0.1], "high": [0.6, 0.3],
         "noise": [0.3, 0.25], "is_above": [True, False]}
    )  # fmt: skip
    figure = draw_importances(table, {"fanova": 0.3})
    assert figure is not None
    assert {"fANOVA", "interactions", "a", "b"} <= set(texts(figure))
    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == pytest.approx([50, 20, 30])
    assert [bar.get_facecolor()[3] for bar in bars] == [1, 0, 1]
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == pytest.approx([30, 25])


def test_the_same_marks_give_the_same_bytes_whatever_the_user_has_set() -> None:
    first = to_svg(forest(effect("relu", 0.01)), name="x", title="T", description="D")
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "other", "text.parse_math": True}):
        second = to_svg(forest(effect("relu", 0.01)), name="x", title="T", description="D")
    assert first == second
    assert "<metadata" not in first


def test_ids_of_two_figures_do_not_collide() -> None:
    figure = forest(effect("relu", 0.01))
    ids = [
        {element.get("id") for element in ElementTree.fromstring(svg).iter() if element.get("id")}
        for svg in (to_svg(figure, name=name, title="T", description="D") for name in ("one", "two"))
    ]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_inside_a_page_colours_are_the_pages_and_text_is_left_alone() -> None:
    text = "color: #1c2126"
    svg = to_svg(forest(effect(text, 0.01)), name="x", title="T", description="D")
    page = inline_svg(svg)
    assert "var(--ink)" in page
    assert "#1c2126" not in page.replace(text, "")
    assert text in page
    assert 'width="' not in page.split(">", 1)[0]
    assert "xmlns" not in page


def test_long_names_are_cut_in_the_middle() -> None:
    assert shorten("abc") == "abc"
    assert shorten("a" * 20 + "b" * 20, 10) == "aaaaa…bbbb"
    assert len(shorten("x" * 99, 10)) == 10
    assert shorten("two\nlines\x00") == "two lines�"


def test_rates_have_two_digits() -> None:
    assert rate_text(0.00083) == "8.3e-4"
    assert rate_text(1.0) == "1.0e0"


def test_text_that_no_picture_can_show_is_replaced_and_cut() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_xlabel("研究 a\x01\x1b\ufffe\ud800" + "x" * 10_000)
    axes.set_title("\n".join("ROW" for _ in range(1000)))
    svg = to_svg(figure, name="n", title="\x00t", description="\x01d")
    assert "a����xx" in svg
    assert svg.count("ROW") < 10
    assert len(svg) < 20_000


def test_a_mode_without_an_interval_shows_a_dot_for_each_seed() -> None:
    few = pd.DataFrame([effect("relu", 0.01), effect("relu", 0.02, mode="carry")]).assign(low=math.nan, high=math.nan)
    seeds = pd.DataFrame(
        {"variant": "activation=relu", "mode": ["find", "find", "carry"], "difference": [0.0, 0.02, 0.02]}
    )
    figure = draw_modes(few, metric=METRIC, label="", scores=seeds)
    assert figure is not None
    dots = [list(map(float, line.get_xdata())) for line in figure.axes[0].lines if line.get_markersize() == 3.2]
    assert sorted(dots) == [pytest.approx([0, 2]), pytest.approx([2])]
    wide = draw_modes(few.assign(low=-0.01, high=0.03), metric=METRIC, label="", scores=seeds)
    assert wide is not None
    assert not [line for line in wide.axes[0].lines if line.get_markersize() == 3.2]
