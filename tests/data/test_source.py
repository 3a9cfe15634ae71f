"""A source holds what it is given; parts that it lacks are None."""

import numpy as np

from ablate.data.source import FeatureColumn, Source


def test_a_source_needs_inputs_and_targets_alone():
    source = Source(np.zeros((2, 1)), None, columns=(FeatureColumn("age", "number", "age"),))
    parts = (source.x_test, source.y_test, source.x_validation, source.groups, source.order, source.weights)
    assert parts == (None,) * 6
    assert source.columns[0].feature == "age"
