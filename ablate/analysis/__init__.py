"""Compute effects, designs and importances from the results table, and import tables of other tools."""
