"""Rates with their Monte Carlo errors, and the table of what was measured."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LEVEL = 0.05
TO_BE = {"at most": "≤ 5", "at least": "≥ 95", "": "–"}
EFFECTS = (1.0, 1.5, 2.0)  # planted, in SDs of the paired differences


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of n independent draws; prints as percent ± standard error."""

    share: float
    n: int

    @classmethod
    def of(cls, hits: Iterable[bool]) -> "Rate":
        """The share of what is true."""
        drawn = list(hits)
        return cls(sum(drawn) / max(len(drawn), 1), len(drawn))

    @property
    def error(self) -> float:
        """Its standard error, were the truth at the level that is to be held."""
        return math.sqrt(LEVEL * (1 - LEVEL) / max(self.n, 1))

    def is_at_most(self, level: float) -> bool:
        """Within three standard errors."""
        return self.share <= level + 3 * self.error

    def is_at_least(self, level: float) -> bool:
        """Within three standard errors."""
        return self.share >= level - 3 * self.error

    def __format__(self, spec: str) -> str:
        return format(f"{100 * self.share:.1f} ± {100 * self.error:.1f}" if self.n else "–", spec)


@dataclass(frozen=True, slots=True)
class Measured:
    """A line of the table: a case, how often something false was claimed, and how often what was planted."""

    scenario: str
    case: str
    false: Rate
    found: Mapping[float, Rate] = field(default_factory=dict)  # effect in SDs -> share of studies that claim it
    note: str = ""
    is_to_be: str = "at most"  # 5 %; or "at least" 95 %, of what must be said; "" where nothing is to be held

    @property
    def is_held(self) -> bool:
        """Whether the rate is as it is to be, within three standard errors; without studies it is."""
        if not self.false.n or not self.is_to_be:
            return True
        return self.false.is_at_most(LEVEL) if self.is_to_be == "at most" else self.false.is_at_least(1 - LEVEL)

    @property
    def power(self) -> str:
        """ "41 / 78 / 97", a dash without."""
        return " / ".join(f"{100 * rate.share:.0f}" for rate in self.found.values()) or "–"

    def __str__(self) -> str:
        verdict = "" if self.is_held else "   MISSED"
        said = f"{self.scenario:<16} {self.case:<46} {self.false.n:>6} {self.false:>12} {self.power:>16}"
        return f"{said}{verdict}  {self.note}".rstrip()


def to_markdown(measured: Sequence[Measured]) -> str:
    """All lines as a Markdown table."""
    planted = " / ".join(f"{effect:g}" for effect in EFFECTS)
    head = ("scenario", "case", "studies", "claimed, %", "to be", f"planted {planted} SD found, %", "remarks")
    rows = [
        (one.scenario, one.case, f"{one.false.n:,}", f"{one.false}" if one.is_held else f"**{one.false}**",
         TO_BE[one.is_to_be] if one.false.n else "–", one.power, one.note)
        for one in measured
    ]  # fmt: skip
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)
