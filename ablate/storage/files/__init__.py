"""Read and write files that survive crashes: atomic writes, locks, append-only logs, caches and scratch folders."""
