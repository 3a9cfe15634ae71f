"""Keep a study's folder on disk: its files and lock, starting conditions, preregistration, journal and results."""
