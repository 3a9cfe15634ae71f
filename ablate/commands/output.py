"""What a command says: lines that no name in them can break."""

from collections.abc import Iterable

from rich.console import Console

from ablate.printable import printable_lines


def say(console: Console, lines: Iterable[str], *, soft_wrap: bool = False) -> None:
    """Print each line as it is: neither markup nor control characters nor codes of emoji in it count."""
    for line in lines:
        console.print(printable_lines(line), markup=False, emoji=False, soft_wrap=soft_wrap)
