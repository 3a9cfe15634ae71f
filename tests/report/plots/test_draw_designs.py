import math

import pandas as pd
import pytest
from design_tables import METRIC
from matplotlib.figure import Figure
from matplotlib.text import Text

from ablate.analysis.designs.directions import DIRECTION_COLUMNS
from ablate.report.plots.designs import MOST_PANELS, MOST_TERMS, draw_directions, draw_interactions, draw_shares
from ablate.report.plots.differences import draw_path


def texts(figure: Figure | None) -> list[str]:
    assert figure is not None
    return [found.get_text() for found in figure.findobj(Text) if isinstance(found, Text)]


def shares(n_terms: int) -> pd.DataFrame:
    terms = [(f"f{number}", "main", 0.5 / 2**number, 0.01) for number in range(n_terms)]
    rows = [*terms, ("higher", "higher", 0.05, 0.02), ("noise", "noise", 0.2, math.nan)]
    return pd.DataFrame(rows, columns=["term", "kind", "share_of_runs", "noise_of_runs"])


def test_shares_stand_in_order_with_what_nothing_explains_last() -> None:
    figure = draw_shares(shares(3).sample(frac=1, random_state=1))
    assert figure is not None
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()][:3] == ["f0", "f1", "f2"]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert widths[:3] == pytest.approx([50, 25, 12.5])
    assert sorted(widths[3:]) == pytest.approx([5, 20])
    assert {"three or more factors together", "noise between runs", "50.0"} <= set(texts(figure))


def test_many_terms_end_in_one_bar_of_their_sum() -> None:
    figure = draw_shares(shares(MOST_TERMS + 2))
    assert figure is not None
    assert "2 smaller terms" in texts(figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert widths[MOST_TERMS] == pytest.approx(100 * 0.5 * (2**-MOST_TERMS + 2 ** -(MOST_TERMS + 1)))


def test_without_a_share_there_is_no_figure() -> None:
    assert draw_shares(shares(2).assign(share_of_runs=math.nan)) is None


def directions() -> pd.DataFrame:
    blank = dict.fromkeys(DIRECTION_COLUMNS, math.nan)
    measured = {"add_one_in": 0.02, "add_one_in_low": 0.01, "add_one_in_high": 0.03, "leave_one_out": -0.02}
    named = {"mode": "find", "factor": "dropout", "reference_level": "0.0", "level": "$x$", "disagreement": "sign"}
    return pd.DataFrame([blank | measured | named])


def test_directions_show_the_measures_that_are_there_and_the_flag() -> None:
    found = texts(draw_directions(directions(), metric=METRIC, label="gain, points"))
    assert {"dropout: 0.0 → $x$", "≠ signs differ (exploratory)", "add-one-in", "leave-one-out", "gain, points"} <= set(
        found
    )
    assert "Shapley value" not in found
    nothing = directions().assign(add_one_in=math.nan, leave_one_out=math.nan)
    assert draw_directions(nothing, metric=METRIC, label="") is None
    assert draw_directions(directions().iloc[:0], metric=METRIC, label="") is None


def cells(factor_2: str, means: tuple[float, float, float, float]) -> pd.DataFrame:
    levels = [("none", 0.0), ("none", 0.1), ("batch", 0.0), ("batch", 0.1)]
    rows = [
        ("norm", a, factor_2, b, mean, mean - 0.001, mean + 0.001) for (a, b), mean in zip(levels, means, strict=True)
    ]
    return pd.DataFrame(rows, columns=["factor", "level", "factor_2", "level_2", "mean", "low", "high"])


def test_interactions_have_a_line_a_level_in_points() -> None:
    figure = draw_interactions(cells("dropout", (0.0, -0.01, 0.03, 0.05)), metric=METRIC, label="difference, points")
    assert figure is not None
    lines = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_xdata()) == 2][:2]
    assert [list(map(float, y)) for y in lines] == [pytest.approx([0, 3]), pytest.approx([-1, 5])]
    assert {"norm × dropout", "none", "batch", "0.0", "0.1", "difference, points"} <= set(texts(figure))


def test_names_of_lines_that_meet_stand_apart() -> None:
    figure = draw_interactions(cells("dropout", (0.0, 0.04, 0.03, 0.0301)), metric=METRIC, label="")
    assert figure is not None
    names = [text for text in figure.axes[0].texts if text.get_text() in ("0.0", "0.1")]
    low, high = sorted(text.xy[1] for text in names)  # type: ignore[attr-defined]
    assert high - low >= 0.05 * (figure.axes[0].get_ylim()[1] - figure.axes[0].get_ylim()[0])


def test_only_so_many_pairs_are_drawn() -> None:
    many = pd.concat([cells(f"f{number}", (0.0, 0.0, 0.0, 0.01)) for number in range(MOST_PANELS + 1)])
    figure = draw_interactions(many, metric=METRIC, label="")
    assert figure is not None
    assert sum(axes.get_visible() for axes in figure.axes) == MOST_PANELS
    assert draw_interactions(many.iloc[:0], metric=METRIC, label="") is None


def path(direction: str) -> pd.DataFrame:
    rows = [
        (direction, 0, "", "", 0.50, math.nan, math.nan, math.nan),
        (direction, 1, "norm", "batch", 0.54, 0.04, 0.03, 0.05),
        (direction, 2, "drop", "0.1", 0.53, -0.01, -0.02, 0.0),
    ]
    return pd.DataFrame(rows, columns=["direction", "step", "factor", "level", "score", "gain", "low", "high"])


def test_a_waterfall_goes_from_score_to_score() -> None:
    figure = draw_path(path("forward"), scale=100, decimals=1, label="validation accuracy, %")
    assert figure is not None
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert bars == [pytest.approx((50, 4)), pytest.approx((54, -1))]
    found = texts(figure)
    assert {"the reference", "norm = batch", "drop = 0.1", "▲ +4.0", "▼ −1.0", "50.0"} <= set(found)
    assert "validation accuracy, %" in found


def test_both_walks_have_a_panel_and_one_that_went_nowhere_has_none() -> None:
    figure = draw_path(pd.concat([path("forward"), path("backward")]), scale=1, decimals=2, label="")
    assert figure is not None
    assert len(figure.axes) == 2
    assert "From the best back to the reference" in texts(figure)
    assert draw_path(path("forward").iloc[:1], scale=1, decimals=2, label="") is None
    assert draw_path(path("forward").iloc[:0], scale=1, decimals=2, label="") is None
