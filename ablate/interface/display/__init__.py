"""What a terminal or a notebook shows of a running study."""
