"""Run a study into its folder: preview, search, comparison, tables, report, and retraining to verify it."""
