"""What each command of the line does: load, call, print. One module a command, imported only when it runs."""
