"""Train a trial from its spec to its outcome: learning rate, epochs, early stopping, layer statistics."""
