"""Phrase a row of the effects table: its name, its numbers and its p value."""

import math
import re
from typing import Any, TypeAlias

import pandas as pd

from ablate.study.trial import BEST, REFERENCE

Effect: TypeAlias = dict[str, Any]  # a row of the effects table, whose columns have several types
DECIMALS = {"points": 1, "nats": 2}  # at least; more if the interval supports it; 0 for other units
MOST_DECIMALS = 4
MOST_OF_OTHERS = 9  # for unknown units
MOST_NAMED = 8  # items of a list in a sentence; the table has all
MOST_TOLD = 4  # items of a list in a sentence, with their numbers
BETWEEN = "\N{NO-BREAK SPACE}"  # joins parts that must stay on one line
KEPT_TOGETHER = (  # a letter and its value; a number and its unit; the ends of an interval
    (re.compile(r"\b([pn]) ([=<]) (?=[.\d])"), rf"\1{BETWEEN}\2{BETWEEN}"),
    (re.compile(r"(?<=\d) (?=(%|points|nats|seeds?)(?!\w))"), BETWEEN),
    (re.compile(r"\[([+−]?[\d.,]*\d), (?=[+−]?[\d.,]*\d\])"), rf"[\1,{BETWEEN}"),
)
NAMES = {REFERENCE: "the reference", BEST: "the best configuration"}


def as_rows(effects: pd.DataFrame) -> list[Effect]:
    """The rows of the table, in its order."""
    return [{str(name): value for name, value in row.items()} for row in effects.to_dict("records")]


def unbroken(text: str) -> str:
    """The text with no-break spaces in "p = .03", "n = 8", "95 %", "0.5 points" and "[3.1, 4.7]"."""
    for found, kept in KEPT_TOGETHER:
        text = found.sub(kept, text)
    return text


def effect_name(row: Effect) -> str:
    """ "dropout 0.1"; for comparisons with another reference, "normalization none (from the best)"."""
    name = f"{words(row['factor'])} {row['level']}".strip() or variant_name(row["variant"])
    if row["against"] in (REFERENCE, ""):
        return name
    return f"{name} (from {'the best' if row['against'] == BEST else row['against']})"


def variant_name(variant: str) -> str:
    """The variant in words: "normalization batch", "the reference"."""
    factor, equals, level = variant.partition("=")
    return f"{words(factor)} {level}" if equals else NAMES.get(variant, variant)


def words(factor: str) -> str:
    """A factor's name without underscores."""
    return factor.replace("_", " ")


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def moves(row: Effect, *, verb: str, unit: str = "") -> str:
    """ "helps by 3.9 points [3.1, 4.7]": size and interval in the direction of the verb."""
    sign = math.copysign(1.0, row["mean"])
    size = shown(row, abs(row["mean"]))
    ends = sorted((sign * row["low_adjusted"], sign * row["high_adjusted"]))
    return f"{verb} by {size}{unit} [{shown(row, ends[0])}, {shown(row, ends[1])}]"


def interval(row: Effect) -> str:
    """The simultaneous interval, for all comparisons at once."""
    return f"[{shown(row, row['low_adjusted'])}, {shown(row, row['high_adjusted'])}]"


def signed(row: Effect) -> str:
    """The mean difference with its sign."""
    text = shown(row, row["mean"])
    return text if text.startswith("−") or as_float(text) == 0 else f"+{text}"


def shown(row: Effect, value: float) -> str:
    """A number of this row in the unit shown, with the decimals that its interval supports."""
    least = DECIMALS.get(row["unit"], 0)
    most = MOST_DECIMALS if row["unit"] in DECIMALS else MOST_OF_OTHERS
    half = (row["high_adjusted"] - row["low_adjusted"]) / 2 * row["scale"]
    if half > 0:
        supported = math.ceil(-math.log10(2 * half))
    else:  # no spread: the unit's decimals, or three digits of the mean
        supported = least if row["unit"] in DECIMALS else _decimals_of(row["mean"] * row["scale"])
    decimals = min(max(least, supported), most)
    while decimals < most and half > 0 and _hides_an_end(row, decimals):
        decimals += 1
    return number(value * row["scale"], decimals)


def _hides_an_end(row: Effect, decimals: int) -> bool:
    """Whether an end of the interval reads like the mean, "0.1 [0.1, 0.2]", or like 0 although it excludes 0."""
    low, high = row["low_adjusted"], row["high_adjusted"]
    mean, *ends = (number(value * row["scale"], decimals) for value in (row["mean"], low, high))
    return mean in ends or (low * high > 0 and any(as_float(end) == 0 for end in ends))


def margin_of(row: Effect) -> str:
    """ "±0.5": the margin in the unit shown."""
    margin = row["margin"] * row["scale"]
    return f"±{number(margin, DECIMALS[row['unit']])}" if row["unit"] in DECIMALS else f"±{margin:g}"


def unit_of(row: Effect) -> str:
    """ " points", with a leading space; empty if the unit is unknown."""
    return f" {row['unit']}" if row["unit"] else ""


def number(value: float, decimals: int) -> str:
    """With a true minus sign, and none before a zero."""
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if as_float(text) == 0 else text.replace("-", "−")


def as_float(text: str) -> float:
    """The number that a text of `number` says."""
    return float(text.replace("−", "-").replace(",", ""))


def p_text(p: float) -> str:
    """ ".03", "< .001": three decimals where two would hide which side of .05 it is on, or show 0."""
    if p < 0.001:
        return "< .001"
    return f"{p:.{3 if p < 0.0095 or 0.045 <= p < 0.055 else 2}f}".removeprefix("0")


def p_is(p: float) -> str:
    """ "p = .03", "p < .001"."""
    return f"p {p_text(p)}" if p < 0.001 else f"p = {p_text(p)}"


def level_text(level: float) -> str:
    """ ".05", ".0042", ".00313": the largest p that decides, cut to three digits, so never more than the level."""
    digits = 2 - math.floor(math.log10(level))
    return f"{math.floor(level * 10**digits + 1e-9) / 10**digits:.{digits}f}".rstrip("0").rstrip(".").removeprefix("0")


def as_markdown(text: str) -> str:
    """Escape the stars in text for Markdown, where "find*3" and "find*0.3" would become italics."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def _decimals_of(value: float) -> int:
    return 2 - math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 2
