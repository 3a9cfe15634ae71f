"""Preview a study before it runs: its trials, the remaining ones, and the time they need."""
