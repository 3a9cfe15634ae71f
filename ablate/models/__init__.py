"""A configuration into a `keras.Model`, and into what of it decides the compiled program."""
