"""What is so of a drawn export: its factors, what they do, its runs and how they ended."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Run:
    """One row: levels by the factors' columns, the seed, how good it was, and how it was lost ("" where it was not)."""

    levels: tuple[str, ...]
    seed: int
    value: float  # in the file's unit
    lost: str = ""  # "failed", "killed", "pruned"
    cell: str = ""  # what stands for the score of a lost one: "blank", "last", or this word
    retried: bool = False  # a finished run of the same configuration and seed stands elsewhere


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so."""

    factors: dict[str, tuple[str, ...]]  # by the column
    gains: dict[tuple[str, str], float]  # (column, level) -> goodness more than the first level's
    score: str
    sign: int  # 1 where more is better
    scale: float  # of the file's unit into fractions of goodness: value = offset + sign × goodness × scale
    seeds: tuple[str, ...]  # columns
    state: str
    runs: tuple[Run, ...]
    words: dict[str, str] = field(default_factory=dict)  # of the state's column -> "finished", "failed", …
    parents: int = 0
    blank_rows: int = 0
    steps: str = ""  # the column of the epoch, where each run has a row an epoch
    is_merged: bool = False  # whether one level is written in two ways
    is_clean: bool = True  # whether there is nothing in it but what the tool writes


@dataclass(frozen=True, slots=True)
class ExportExample:
    """A file and the truth."""

    tool: str
    prefix: str
    content: bytes
    truth: Truth
    margin: float | None = None  # that the user states, in the file's unit
    drawn: tuple[int, int] = (0, 0)  # the seed and the number that make it again
