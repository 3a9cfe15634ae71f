import keras
import numpy as np
import pytest
from keras import layers

from ablate.errors import StudyError
from ablate.models.ids import Received, check_ids, received

IDS = np.array([[0, 3, 7], [2, 2, 9]], np.float32)


def taken(values, *, limit=10, kind="Embedding", limit_name="input_dim") -> list[Received]:
    return [Received("words", kind, limit_name, limit, np.asarray(values))]


def test_what_embeddings_and_lookups_are_given_is_noted_wherever_they_are():
    class LayerStatistics(layers.Layer):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(10, 2, name="words")

        def call(self, x):
            return self.words(x)

    inputs = keras.Input((3,))
    looked_up = layers.IntegerLookup(vocabulary=[2, 3], output_mode="multi_hot", name="known")(
        keras.ops.cast(inputs, "int64")
    )
    model = keras.Model(inputs, layers.Concatenate()([layers.Flatten()(LayerStatistics()(inputs)), looked_up]))
    plain = layers.Embedding.call
    with received() as found:
        model(IDS)
    assert layers.Embedding.call is plain
    names = {one.layer: (one.kind, one.limit_name, one.limit) for one in found}
    assert names == {"words": ("Embedding", "input_dim", 10), "known": ("IntegerLookup", "", 0)}
    assert all(np.array_equal(one.values, IDS) for one in found)


@pytest.mark.parametrize("scaling", ["standardize", "unit", "standardize_channels"])
def test_whole_numbers_of_the_data_are_not_to_be_scaled(scaling):
    said = rf'data.scaling: "{scaling}" changes .* layer words \(Embedding\)(.|\n)*"none"'
    with pytest.raises(StudyError, match=said):
        check_ids(taken(IDS), taken(IDS + 1), scaling=scaling)
    check_ids(taken(IDS), taken(IDS + 1), scaling="none")


@pytest.mark.parametrize(
    ("values", "said"),
    [(IDS + 1, "takes numbers from 0 to 9, the data have 1 to 10\n  raise input_dim to 11"),
     (IDS - 1, "the data have -1 to 8\n  count from 0 in the data")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused_with_the_range_of_the_data(values, said):
    with pytest.raises(StudyError, match=said):
        check_ids(taken(values), taken(values + 1), scaling="none")
    unlimited = [taken(some, kind="Hashing", limit_name="", limit=0) for some in (values, values + 1)]
    check_ids(*unlimited, scaling="none")


def test_whole_numbers_that_a_model_makes_itself_are_its_own_affair():
    """Bins, and numbers times 5: 1 more in the data is not 1 more for the layer; and what is no whole number."""
    check_ids(taken(IDS > 2), taken(IDS + 1 > 2), scaling="unit")
    check_ids(taken(IDS * 5, limit=50), taken(IDS * 5 + 5, limit=50), scaling="unit")
    check_ids(taken(IDS / 2), taken(IDS / 2 + 1), scaling="unit")


def test_a_number_out_of_range_is_noted_and_breaks_nothing():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Embedding(4, 2)(inputs))
    with received() as found:
        model(IDS)
    assert found[0].values.max() == 9
