"""A plan into outcomes: in this process, or in worker processes."""
