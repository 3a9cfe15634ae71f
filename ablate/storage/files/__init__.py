"""Files that survive whatever a machine does: whole, locked, growing by lines, kept to save work, or for one run."""
