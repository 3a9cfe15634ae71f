"""Train trials by a user's function: what it gets, what it reports, and how it ends."""
