"""Train a plan's trials in worker processes."""
