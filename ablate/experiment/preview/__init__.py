"""What a study amounts to before it runs: its trials, what is left of them, and the time they need."""
