"""A number and what it counts into words."""


def number_of(n: int, noun: str) -> str:
    """ "1 seed", "8 seeds", "1,024 runs". For nouns whose plural takes an s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
