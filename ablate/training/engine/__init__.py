"""Compile Keras models and optimizers to programs that train several trials of one structure at once."""
