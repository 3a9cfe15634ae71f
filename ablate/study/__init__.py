"""What a study is: its file, settings, space, factors, and the records of its trials."""
