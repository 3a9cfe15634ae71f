"""A study into a plan that asks Optuna. One of two doors to Optuna; the other is `ablate.importance`."""

from ablate.search.plan import SearchPlan

__all__ = ["SearchPlan"]
