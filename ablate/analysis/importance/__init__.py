"""Measure the importance of factors from search trials, complete factorials, or mixtures of two configurations."""
