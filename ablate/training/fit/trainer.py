"""Train trials to their outcomes by `model.fit`, one after the other, with the splits and seeds of all other trials."""

import gc
from collections.abc import Sequence
from dataclasses import replace

from ablate.clock import Clock
from ablate.models.build import count_parameters
from ablate.models.layers import weights_digest
from ablate.study.trial import Outcome, TrialSpec
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.start import ModelFacts
from ablate.training.fit.conductor import Conductor
from ablate.training.fit.feeding import in_batches
from ablate.training.fit.fitted import FittedModel, fitted_model, users_callbacks
from ablate.training.keeping import keep_fitted
from ablate.training.run_range_test import RateFinder
from ablate.training.train import Trial, columns, failed, new_trial, peak_rate
from ablate.training.trainers import Feed
from ablate.training.trial_error import TrialError

WAY = "model.fit"  # with the reason, the value of the column trained_by


def fit_trials(specs: Sequence[TrialSpec], context: TrainingContext, finder: RateFinder, reports: Feed) -> None:
    """Train specs of one structure; any error in a trial becomes its outcome."""
    for spec in specs:
        reports.tell(_FittedTrial(spec, context, finder, reports).outcome())
        gc.collect()  # models and their graphs refer to each other


class _FittedTrial:
    """A trial from its spec to its outcome."""

    def __init__(self, spec: TrialSpec, context: TrainingContext, finder: RateFinder, reports: Feed) -> None:
        self._spec, self._context, self._finder, self._reports = spec, context, finder, reports
        self._clock = Clock()
        self._conductor: Conductor | None = None
        self._trial: Trial[ModelFacts] | None = None

    def outcome(self) -> Outcome:
        """Train, and test the best weights where the spec allows it."""
        try:
            found = contained(self._trained)
        except TrialError as broken:
            if self._conductor is not None and self._conductor.raised is not None:
                raise self._conductor.raised from None
            epochs = self._trial.epochs_begun() if self._trial is not None else 0
            found = failed(self._spec, broken, seconds=self._clock.total(), epochs=epochs)
        return replace(found, trained_by=f"{WAY}: {self._context.why_fit(self._spec.factors)}")

    def _trained(self) -> Outcome:
        spec, context, clock = self._spec, self._context, self._clock
        rate, rate_test = peak_rate(spec, self._finder, clock)
        with clock.on("build"):
            fitted = fitted_model(context, spec.factors, spec.seed)
            fitted = replace(fitted, callbacks=tuple(users_callbacks(context, spec.factors, spec.seed)))
            facts = self._facts(fitted)
        self._trial = trial = new_trial(spec, context, clock, facts, rate=rate, rate_test=rate_test)
        conductor = self._conductor = Conductor(trial, fitted, lambda epoch: self._reports.report([epoch])[0])
        self._fit(fitted, trial, conductor)
        if trial.outcome.state == "finished" and not trial.is_over():
            note = f"a callback ended its training after epoch {trial.outcome.epochs}"
            trial.start = replace(facts, notes=(*facts.notes, note))
        if trial.wants_test():
            self._test(fitted, trial, conductor)
        keep_fitted(trial, context, fitted.model, conductor.best)
        trial.seconds = clock.total()
        return trial.ended()

    def _facts(self, fitted: FittedModel) -> ModelFacts:
        model, factors = fitted.model, self._spec.factors
        reading = self._context.reading(model, factors).note if fitted.is_callable else ""
        notes = (reading,) if reading else ()
        return ModelFacts(parameters=count_parameters(model), notes=notes, weights=weights_digest(model))

    def _fit(self, fitted: FittedModel, trial: Trial[ModelFacts], conductor: Conductor) -> None:
        feeding, rows = fitted.feeding, trial.split.validation
        fitted.model.fit(
            feeding.dataset(lambda: conductor.order, part="train"),
            epochs=trial.settings.epochs,
            validation_data=feeding.dataset(lambda: in_batches(rows, fitted.batch_size), part="evaluate"),
            callbacks=[conductor.stopwatch, conductor.training, conductor.validation, conductor, *fitted.callbacks],
            shuffle=False,
            verbose=0,
        )

    def _test(self, fitted: FittedModel, trial: Trial[ModelFacts], conductor: Conductor) -> None:
        """Score the best weights: the only place where the test set is read."""
        rows = self._context.test_rows()
        with self._clock.on("evaluate"):
            fitted.model.set_weights(conductor.best)
            metrics = {**trial.outcome.metrics, **columns(fitted.evaluated(rows), "test")}
            trial.outcome = replace(trial.outcome, metrics=metrics, test_predictions=fitted.packed(rows))
