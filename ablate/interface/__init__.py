"""The Python interface: studies, their results, and anybody's tables. The command line is written on it."""
