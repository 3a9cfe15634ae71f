"""Data sets of other libraries are told from their arrays without importing the libraries."""

import numpy as np
import pytest

from ablate.data.user_arrays import described, is_stream, is_table, to_array
from ablate.errors import DataError


def of_library(module, **more):
    """An object of a class that looks like one of a library's."""
    return type("Thing", (), {"__module__": module, **more})()


def ones(_self, dtype=None, copy=None):  # noqa: ARG001  # as numpy calls it
    return np.ones(3)


@pytest.mark.parametrize("module", ["torch.utils.data.dataloader", "tensorflow.python.data.ops", "keras.src.trainers"])
def test_a_data_set_of_a_library_is_a_stream_and_its_tensor_is_none(module):
    assert is_stream(of_library(module))
    assert not is_stream(of_library(module, __array__=ones))
    assert to_array(of_library(module, __array__=ones), "x", origin="o").tolist() == [1, 1, 1]


def test_a_refusal_names_what_came():
    with pytest.raises(DataError, match=r"o: x_train is a torch Thing, not an array\n  return arrays, which can be"):
        to_array(of_library("torch.utils.data.dataloader"), "x_train", origin="o")
    assert described((1, 2)) == "a tuple of 2 items"
    assert not is_table(np.zeros(3))
