"""A study and options into a finished study in its folder: search, comparison, tables, report."""
