"""Train trials by `model.fit`, where a model's own training is more than a compiled program does."""
