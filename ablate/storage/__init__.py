"""A study's folder: what lies in it, whose it is, what was begun with, and the journal of its trials."""
