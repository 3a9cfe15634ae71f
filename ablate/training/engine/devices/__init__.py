"""What the backends of Keras need before their first operation, and what they tell of a device: a module each."""
