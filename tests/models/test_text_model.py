import keras
import numpy as np
import pytest
from small_models import built, kinds, weighted

from ablate.errors import StudyError
from ablate.models.build import count_parameters
from ablate.models.model_data import ModelData
from ablate.models.text import PADDING
from ablate.study.task import Target
from ablate.training.engine.examples import Resident
from ablate.training.engine.optimizers import make_optimizer
from ablate.training.engine.program import Program, Scaling

POOLED, RECURRENT = ("average", "max"), ("gru", "lstm")
LENGTH = 6


def texts(low=0, high=19) -> ModelData:
    return ModelData((LENGTH,), {"": Target("classes", n_classes=3)}, ids=lambda: (low, high))


def text(data=None, **changes) -> keras.Model:
    return built("text", data or texts(), **changes)


@pytest.mark.parametrize(
    ("encoder", "recurrent"),
    [("average", 0), ("max", 0), ("gru", 3 * (5 * 5 + 5 * 5 + 2 * 5)), ("lstm", 4 * (5 * 5 + 5 * 5 + 5))],
)
def test_the_parameters_are_those_counted_by_hand(encoder, recurrent):
    assert count_parameters(text(encoder=encoder)) == 20 * 5 + recurrent + (5 * 6 + 6) + (6 * 3 + 3)


def test_dropout_follows_the_encoder_and_each_dense_layer():
    made = kinds(text(encoder="gru", dropout=0.2, normalization="batch", units="6-4"))
    dense = ["Dense", "BatchNormalization", "Activation", "Dropout"]
    assert made == ["Embedding", "GRU", "Dropout", *dense, *dense, "Dense"]


@pytest.mark.parametrize("encoder", [*POOLED, *RECURRENT])
def test_padding_changes_nothing_wherever_it_stands_and_a_text_of_padding_gives_numbers(encoder):
    model = text(encoder=encoder)
    x = np.array([[3, 7, 4, 0, 0, 0], [0, 0, 0, 3, 7, 4], [3, 0, 7, 0, 4, 0], [0] * 6, [7, 3, 4, 0, 0, 0]])
    outputs = np.asarray(model(x))
    np.testing.assert_allclose(outputs[[1, 2]], outputs[[0, 0]], rtol=1e-5)
    assert np.isfinite(outputs).all()
    assert np.allclose(outputs[0], outputs[4], rtol=1e-5) == (encoder in POOLED)  # the order of words


@pytest.mark.parametrize(("encoder", "pooled"), [("average", np.mean), ("max", np.max)])
def test_pooling_is_over_the_words_alone(encoder, pooled):
    model = text(encoder=encoder)
    vectors = np.asarray(model.layers[1].embeddings)
    summary = keras.Model(model.input, weighted(model)[0].input)(np.array([[3, 7, 0, 0, 0, 0], [0] * 6]))
    np.testing.assert_allclose(summary, [pooled(vectors[[3, 7]], axis=0), np.zeros(5)], rtol=1e-5)


def test_the_encoder_shifts_no_draws_of_words_and_dense_layers():
    average, gru = text(), text(encoder="gru")
    assert np.array_equal(average.layers[1].embeddings, gru.layers[1].embeddings)
    assert all(np.array_equal(a.kernel, b.kernel) for a, b in zip(weighted(average), weighted(gru), strict=True))
    other = text(replicate=2)
    assert not np.array_equal(average.layers[1].embeddings, other.layers[1].embeddings)
    assert np.abs(average.layers[1].embeddings).max() <= 0.05


def test_the_vocabulary_is_that_of_the_data_or_a_larger_one():
    assert text(texts(high=30)).layers[1].input_dim == 31
    assert text(texts(high=30), vocabulary=31).layers[1].input_dim == 31
    with pytest.raises(
        StudyError, match=r"vocabulary: must be above every id, .* up to 30, got 30\n  set it to at least 31"
    ):
        text(texts(high=30), vocabulary=30)


def test_what_is_no_id_is_refused():
    with pytest.raises(StudyError, match=r"whole numbers from 0 up, .* these data have -2\n  save each text as ids"):
        text(texts(low=-2))
    with pytest.raises(StudyError, match=r"whole numbers from 0 up, the ids of words, but these data have others"):
        text(ModelData((LENGTH,), {"": Target("classes", n_classes=3)}))


@pytest.mark.parametrize(
    "encoder", ["max", pytest.param("gru", marks=pytest.mark.slow), pytest.param("lstm", marks=pytest.mark.slow)]
)
def test_it_learns_in_the_compiled_loop_which_word_is_in_a_text(encoder):
    rng = np.random.default_rng(0)
    x = rng.integers(4, 20, (48, LENGTH)).astype(np.int32)
    x[:, 4:], y = PADDING, np.arange(48, dtype=np.int32) % 3
    x[np.arange(48), rng.integers(0, 4, 48)] = 1 + y
    program = Program(text(encoder=encoder), make_optimizer("adam"), xla=encoder == "gru")
    steps = program.train(
        program.initial_state(program.model),
        Resident.of((x,), (y,)),
        Scaling(np.zeros((1, LENGTH), np.float32), np.ones((1, LENGTH), np.float32)),
        order=np.tile(np.arange(48, dtype=np.int32), (150, 1, 1)),
        rates=np.full((150, 1), 0.02, np.float32),
        n_steps=np.array([150], np.int32),
        max_loss=np.inf,
    )
    assert steps.losses[0][-1] < 0.1 < 0.9 < steps.losses[0][0]
