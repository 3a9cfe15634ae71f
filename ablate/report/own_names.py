"""Show factors by the user's names where the results table had to rename their columns."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import pandas as pd
from markupsafe import Markup

from ablate.report.inputs import Inputs
from ablate.report.page import Page
from ablate.storage.results import factor_columns, factor_name
from ablate.study.trial import RATE_SETTING

T = TypeVar("T")


def in_own_names(page: Page, inputs: Inputs) -> Page:
    """The page with "epochs" for the column "epochs_setting" in all its words and figures; data files keep columns."""
    columns = [name for name in factor_columns(inputs.results) if factor_name(name) != name and name != RATE_SETTING]
    told = inputs.facts.read_as or ""  # lists the table's own columns
    names = {name: factor_name(name) for name in columns if not _pattern([name]).search(told)}
    return _renamed(page, _pattern(list(names)), names) if names else page


def _pattern(names: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?!\w)")


def _renamed(part: T, pattern: re.Pattern[str], names: Mapping[str, str]) -> T:
    found: Any = part  # Any: elements of a page, of many types
    if isinstance(found, str):
        text = pattern.sub(lambda match: names[match.group()], found)
        found = Markup(text) if isinstance(found, Markup) else text
    elif is_dataclass(found) and not isinstance(found, type):
        changed = {field.name: _renamed(getattr(found, field.name), pattern, names) for field in fields(found)}
        found = replace(found, **changed)
    elif isinstance(found, list | tuple):
        found = type(found)(_renamed(each, pattern, names) for each in found)
    elif isinstance(found, dict):
        found = {key: _renamed(value, pattern, names) for key, value in found.items()}
    elif isinstance(found, pd.DataFrame):
        return part
    return found
