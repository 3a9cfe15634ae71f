"""What each command of the line does: load, call, print. One module a command, imported only when it runs."""

# Exit codes, the same for every command. 2, wrong usage, and 130, interrupted, are also the shell's.
DONE, UNFINISHED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
