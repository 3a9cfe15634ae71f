"""A study into a plan that asks Optuna. One of two doors to Optuna; the other is `ablate.importance.search`."""

from ablate.search.plan import SearchPlan

__all__ = ["SearchPlan"]
