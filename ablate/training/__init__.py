"""One trial from its spec to its outcome: learning rate, epochs, early stopping, and what is known of it already."""
