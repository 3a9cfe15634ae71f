"""The text of a table into CSV text: a first line "sep=;", a Markdown table, or a table drawn with + and -."""

import csv
import re
from io import StringIO

OF_RULES = frozenset("|+-=: \t")  # the characters of a line below the header
CELL = re.compile(r"(?<!\\)\|")


def named_separator(text: str) -> tuple[str, str]:
    """The separator that Excel's first line "sep=;" gives, "" without one, and the text below that line."""
    found = re.match(r"\"?sep=(.)\"?\r?\n", text, re.IGNORECASE)
    return (found[1], text[found.end() :]) if found else ("", text)


def drawn_table(text: str) -> str | None:
    """The first Markdown or drawn table of `text` as CSV; None where there is none."""
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if _is_rule(line)]
    if not rules:
        return None
    first = rules[0] - 1 if rules[0] and "|" in lines[rules[0] - 1] else rules[0] + 1
    rows = []
    for line in lines[first:]:
        if _is_rule(line):
            continue
        if "|" not in line:
            break
        rows.append(_cells(line))
    if not rows:
        return None
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _is_rule(line: str) -> bool:
    return ("--" in line or "==" in line) and ("|" in line or "+" in line) and OF_RULES.issuperset(line)


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|")
    bare = bare[:-1] if bare.endswith("|") and not bare.endswith("\\|") else bare
    return [cell.strip().replace("\\|", "|").strip("`") for cell in CELL.split(bare)]
