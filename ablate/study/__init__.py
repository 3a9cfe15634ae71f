"""Define a study: its file, settings, factors and search space, random seeds, and the records of its trials."""
