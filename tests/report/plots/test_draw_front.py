from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ablate.report.plots import MOST_POINTS, FrontAxis, draw_front, to_svg

ACCURACY = FrontAxis("accuracy", "Accuracy, % (higher is better)", more_is_better=True)
PARAMETERS = FrontAxis("parameters", "Parameters (lower is better)", is_log=True)
RECALL = FrontAxis("recall", "Recall, % (higher is better)", more_is_better=True)


def trials(n: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": [f"search-{number:04d}" for number in range(n)],
            "accuracy": [90.0, 95.0, 80.0, 91.0, *np.linspace(50, 70, n - 4)][:n],
            "parameters": [100.0, 900.0, 1000.0, 120.0, *np.geomspace(2e3, 9e5, max(n - 4, 0))][:n],
            "recall": np.linspace(20, 80, n),
            "is_front": [True, True, False, True, *[False] * (n - 4)][:n],
        }
    )


def panels(figure: Figure | None):  # type: ignore[no-untyped-def]
    assert figure is not None
    return figure.axes


def steps_of(axes):  # type: ignore[no-untyped-def]
    return [line for line in axes.lines if line.get_drawstyle() != "default"]


def test_two_objectives_are_a_panel_with_the_front_as_a_step_and_costs_on_a_log_scale():
    (axes,) = panels(draw_front(trials(), [ACCURACY, PARAMETERS], chosen="search-0003", baseline="search-0000"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == (PARAMETERS.label, ACCURACY.label)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    (step,) = steps_of(axes)
    assert step.get_drawstyle() == "steps-post"  # what can be had from this price on
    assert step.get_xdata().tolist() == [100, 120, 900]
    assert step.get_ydata().tolist() == [90, 91, 95]


def test_of_two_metrics_the_step_holds_up_to_a_point():
    (axes,) = panels(draw_front(trials(), [ACCURACY, RECALL], chosen=""))
    (step,) = steps_of(axes)
    assert step.get_drawstyle() == "steps-pre"
    assert axes.get_xscale() == "linear"


def test_three_objectives_are_a_panel_for_each_pair_without_a_step():
    axes = panels(draw_front(trials(), [ACCURACY, PARAMETERS, RECALL], chosen="search-0003"))
    assert [(one.get_ylabel(), one.get_xlabel()) for one in axes] == [
        (ACCURACY.label, PARAMETERS.label), (ACCURACY.label, RECALL.label), (PARAMETERS.label, RECALL.label),
    ]  # fmt: skip
    assert [steps_of(one) for one in axes] == [[], [], []]


def test_every_mark_is_named_with_its_number_of_trials():
    figure = draw_front(trials(), [ACCURACY, PARAMETERS], chosen="search-0003", baseline="search-0000")
    root = ElementTree.fromstring(to_svg(figure, name="x", title="T", description="D"))
    texts = {"".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"other trials (1)", "on the front (3)", "baseline", "counts as the best: search-0003"} <= texts


def test_trials_without_a_value_are_left_out_and_without_any_there_is_no_figure():
    some = trials()
    some.loc[0, "parameters"] = np.nan
    (axes,) = panels(draw_front(some, [ACCURACY, PARAMETERS], chosen=""))
    assert sum(len(line.get_xdata()) for line in axes.lines if line.get_drawstyle() == "default") == 3
    assert draw_front(some.assign(parameters=np.nan), [ACCURACY, PARAMETERS], chosen="") is None


def test_of_thousands_of_trials_some_are_drawn_and_all_on_the_front():
    (axes,) = panels(draw_front(trials(5 * MOST_POINTS), [ACCURACY, PARAMETERS], chosen=""))
    others, front = (line for line in axes.lines if line.get_drawstyle() == "default")
    assert len(others.get_xdata()) <= MOST_POINTS
    assert len(front.get_xdata()) == 3


@pytest.mark.parametrize("values", [[5.0] * 4, [0.0, 1.0, 2.0, 3.0], [1e-9, 1e9, 1.0, 2.0]])
def test_costs_that_are_equal_zero_or_far_apart_are_drawn(values):
    figure = draw_front(trials().assign(parameters=values), [ACCURACY, PARAMETERS], chosen="search-0003")
    assert to_svg(figure, name="x", title="T", description="D").startswith("<svg")
