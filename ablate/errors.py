"""The few errors a caller may catch. Every message says the place, the rule, the value and the way out."""

from collections.abc import Iterable
from difflib import get_close_matches

from ablate.printable import printable, printable_lines

_MOST_KNOWN = 40  # names that a message lists


class AblateError(Exception):
    """Anything that is the user's to mend; the command line shows the message and exits with 2."""

    def __str__(self) -> str:
        return printable_lines(super().__str__())  # names in it come from files


class StudyError(AblateError):
    """A study file, or an override of it, breaks a rule."""


class DataError(AblateError):
    """A data set is missing or breaks a rule."""


class StorageError(AblateError):
    """A disk or database stopped taking what a study writes, after it had begun; exits with 1, and can be resumed."""


def known_names(wrong: str, known: Iterable[str]) -> str:
    """One line for an error message: the known names, and the nearest to `wrong` if one is near."""
    names = sorted(known)
    nearest = get_close_matches(wrong[:100], names, n=1)
    hint = f'       did you mean "{printable(nearest[0])}"?' if nearest else ""
    more = f" and {len(names) - _MOST_KNOWN:,} more" if len(names) > _MOST_KNOWN else ""
    return f"known: {', '.join(printable(name) for name in names[:_MOST_KNOWN])}{more}{hint}"
