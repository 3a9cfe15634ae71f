"""The command line: its commands and the terminal display."""
