"""Say which earlier preregistrations a study shares comparisons with, and which of its test scores were read before."""

from collections.abc import Sequence

from ablate.storage.provenance import EarlierFacts, PreregistrationFacts
from ablate.text import first_of, number_of, to_minute

NOMINAL = 0.05
MOST_NAMED = 3  # studies in a sentence


def level_sentence(frozen: PreregistrationFacts | None) -> list[str]:
    """One sentence if the comparisons are judged at less than 5 %: the level, and the preregistrations before."""
    if frozen is None or frozen.level is None or frozen.level >= NOMINAL:
        return []
    earlier = frozen.earlier or []
    chosen = (
        f", and some of those are left out now though scores had been read, so the {frozen.among:,} of then and now "
        "share the level"
        if frozen.among
        else ""
    )
    times = "" if not earlier else "once " if len(earlier) == 1 else f"{len(earlier)} times "
    studies = first_of(_named(earlier), MOST_NAMED) or "by studies that are not recorded"
    return [
        f"Judged at {percent(frozen.level)}, not {percent(NOMINAL)}, since comparisons of the same "
        f"configurations, whatever their training, were preregistered {times}before ({studies})"
        f"{chosen}; simultaneous intervals hold at {percent(1 - frozen.level)}."
    ]


def read_before(frozen: PreregistrationFacts | None) -> str:
    """ "12 of 16 test scores were read before: 12 under the preregistration of …."; "" if none was."""
    before = list((frozen.read_before if frozen else None) or ())
    n = sum(one.scores or 0 for one in before)
    if frozen is None or not n:
        return ""
    counts = [f"{one.scores or 0:,} under {_preregistration(one)}" for one in before]
    were = "was" if n == 1 else "were"
    return f"{n:,} of {number_of(frozen.scores or n, 'test score')} {were} read before: {first_of(counts, MOST_NAMED)}."


def headline_notes(frozen: PreregistrationFacts | None) -> list[str]:
    """What an answer has to say beside its numbers: scores that were read before, and a spent level."""
    read = read_before(frozen)
    return [f"{read} The answer is not confirmed by new scores."] * bool(read) + level_sentence(frozen)


def percent(level: float) -> str:
    """ "5 %", "1.25 %", "0.3125 %", "99.69 %"."""
    return f"{100 * level:.4g} %"


def _named(earlier: Sequence[EarlierFacts]) -> list[str]:
    return [f"{one.study or 'a study'} on {to_minute(one.at or '') or 'an unknown date'}" for one in earlier]


def _preregistration(one: EarlierFacts) -> str:
    if one.study is None:
        return "an earlier study, of which no preregistration is recorded"
    return f"the preregistration of {one.study} on {to_minute(one.at or '')}"
