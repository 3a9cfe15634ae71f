"""Groups, times and weights of examples: every form they may have, and what is refused."""

import numpy as np
import pytest

from ablate.data.per_example import to_groups, to_order, to_weights
from ablate.errors import DataError


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3], [1.5, 2, 2.5], ["2024-01-02", "2024-01-02 10:30", "2024-02-01T00:00:00Z"], ["1", "2", "10"],
        np.array(["2024-01-02", "2024-01-03", "2025-01-01"], "datetime64[D]"), [[1], [2], [3]],
    ],
)  # fmt: skip
def test_times_are_numbers_that_keep_the_order(values):
    times = to_order(np.array(values), place="t", n=3)
    assert times.dtype == np.float64
    assert (np.diff(times) > 0).all()


def test_groups_stay_as_they_are():
    assert to_groups(np.array(["b", "a", "b"]), place="g", n=3).tolist() == ["b", "a", "b"]
    assert to_groups(np.array([3, 1, 3]), place="g", n=3).tolist() == [3, 1, 3]


@pytest.mark.parametrize(
    ("read", "values", "message"),
    [
        (to_groups, [1, 2], r"g: must have a value for each of the 3 examples, got 2"),
        (to_groups, [[1, 2]] * 3, r"g: must be one value for each example, shape \(3,\), got shape \(3, 2\)"),
        (to_groups, np.array(["a", None, "b"], object), r"g: is missing for 1 example of 3\n  give every example"),
        (to_groups, [7, 7, 7], r"g: all examples are of one group"),
        (to_order, [1, np.nan, 2], r"g: is missing for 1 example"),
        (to_order, [1, np.inf, 2], r"g: must be finite, got inf"),
        (to_order, [1, 1, 1], r"g: all examples are of one time"),
        (to_order, ["2024-01-02", "soon", "later"], r'g: "soon" is neither a number nor a date\n  write dates as year'),
        (to_order, ["02.01.2024", "03.01.2024", "04.01.2024"], r'g: "02\.01\.2024" is neither'),
        (
            to_weights,
            [1, -1, 2],
            r"g: weights must be finite and not below 0, got -1, in 1 example of 3",
        ),
        (to_weights, [1, np.nan, 2], r"g: is missing for 1 example of 3\n  fill in"),
        (to_weights, [0, 0, 0], r"g: all weights are 0"),
        (to_weights, ["a", "b", "c"], r'g: weights must be numbers, got <U1\n  or write weights = "balanced"'),
    ],
)
def test_what_is_wrong_is_said(read, values, message):
    with pytest.raises(DataError, match=message):
        read(np.asarray(values), place="g", n=3)
