"""The plain function behind each command: load, call the library, print. Imported only when its command runs."""

# Exit codes, the same for every command. 2 (wrong usage) and 130 (interrupted) are the shell's codes too.
DONE, UNFINISHED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
