"""Train trials by a user's program: start it, read what it reports, and end it with all that it started."""
