"""Specs of one structure into trained weights: the optimizers as functions, the compiled program, its cache."""
