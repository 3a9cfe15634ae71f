"""A plan into outcomes, in worker processes."""
