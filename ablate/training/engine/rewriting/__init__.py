"""Rewrite the operations of a JAX function that XLA's CPU build runs slowly inside a loop."""
