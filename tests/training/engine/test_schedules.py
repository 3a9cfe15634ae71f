import keras
import numpy as np
import pytest

from ablate.study.catalog import SCHEDULES
from ablate.study.settings import Schedule
from ablate.training.engine.schedules import SchedulePosition, one_cycle, rates

STEPS, EPOCHS = 7, 20


def whole(name: str, shape: Schedule | None = None, *, losses=None) -> np.ndarray:
    """The rates of all epochs, (epochs, steps)."""
    losses = losses if losses is not None else [1.0 / (epoch + 1) for epoch in range(EPOCHS)]
    moments = [SchedulePosition(epoch, EPOCHS, STEPS, losses[:epoch]) for epoch in range(EPOCHS)]
    return np.stack([rates(name, shape or Schedule(), moment) for moment in moments])


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_gives_each_step_a_rate_of_at_most_the_peak(name):
    found = whole(name)
    assert found.shape == (EPOCHS, STEPS)
    assert ((found >= 0) & (found <= 1 + 1e-6)).all()
    assert found.max() == pytest.approx(1.0, abs=0.02)


def test_power_halves_the_rate_after_its_share_of_the_epochs():
    found = whole("power", Schedule(power=0.25))
    assert found[5, 0] == pytest.approx(1 / 2)
    assert found[15, 0] == pytest.approx(1 / 4)


def test_exponential_falls_tenfold_by_the_epoch_or_by_the_batch():
    by_epoch, by_batch = (whole(name, Schedule(exponential=0.5)) for name in ("exponential", "exponential_batch"))
    assert np.ptp(by_epoch, axis=1).max() == 0
    np.testing.assert_allclose(by_epoch[:, 0], 0.1 ** (np.arange(EPOCHS) / 10), rtol=1e-5)
    np.testing.assert_allclose(by_batch.ravel(), 0.1 ** (np.arange(EPOCHS * STEPS) / (10 * STEPS)), rtol=1e-5)


def test_piecewise_changes_where_an_epoch_begins():
    found = whole("piecewise", Schedule(boundaries=(0.25, 0.5), values=(1.0, 0.3, 0.02)))
    expected = np.repeat([1.0, 0.3, 0.02], [5, 5, 10])
    np.testing.assert_allclose(found, np.repeat(expected[:, None], STEPS, axis=1), rtol=1e-6)


def test_cosine_ends_near_its_end():
    found = whole("cosine", Schedule(cosine_end=0.1)).ravel()
    assert found[0] == pytest.approx(1)
    assert found[len(found) // 2] == pytest.approx(0.55, abs=1e-6)
    assert found[-1] == pytest.approx(0.1, abs=1e-3)


def test_one_cycle_rises_to_the_peak_falls_back_and_then_far_down():
    found = one_cycle(np.arange(200), 200, start=0.1, end=1e-3)
    assert found[0] == 0.1
    assert found[90] == 1
    assert found[180] == pytest.approx(0.1)
    assert found[199] == pytest.approx(1e-3)
    assert (np.diff(found[:91]) > 0).all()
    assert (np.diff(found[90:]) < 0).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_one_cycle_of_few_steps_stays_in_bounds(steps):
    found = one_cycle(np.arange(steps), steps, start=0.1, end=1e-3)
    assert ((found > 0) & (found <= 1)).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
@pytest.mark.parametrize("seed", range(5))
def test_plateau_is_keras_callback(seed):
    losses = np.random.default_rng(seed).choice([1.0, 0.9, 0.8, 0.79995, 0.7], EPOCHS).tolist()
    shape = Schedule(plateau_factor=0.5, plateau_patience=2)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2)
    callback.set_model(model)
    callback.on_train_begin()
    expected = []
    for epoch, loss in enumerate(losses):
        expected.append(float(model.optimizer.learning_rate.numpy()))
        callback.on_epoch_end(epoch, {"val_loss": loss})
    np.testing.assert_allclose(whole("plateau", shape, losses=losses)[:, 0], expected, rtol=1e-6)
