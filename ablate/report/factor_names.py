"""Show factors by the user's names where the results table had to rename their columns."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from markupsafe import Markup

from ablate.report.inputs import Inputs
from ablate.report.page import Page
from ablate.storage.results import factor_columns, factor_name
from ablate.study.trial import RATE_SETTING


def in_own_names(page: Page, inputs: Inputs) -> Page:
    """The page with "epochs" for the column "epochs_setting" in all its words and figures; data files keep columns."""
    columns = [name for name in factor_columns(inputs.results) if factor_name(name) != name and name != RATE_SETTING]
    told = inputs.facts.read_as or ""  # lists the table's own columns
    names = {name: factor_name(name) for name in columns if not _pattern([name]).search(told)}
    return replace(page, **_of_page(page, _pattern(list(names)), names)) if names else page


def _of_page(page: Page, pattern: re.Pattern[str], names: Mapping[str, str]) -> dict[str, Any]:  # Any: its fields
    return {field.name: _renamed(getattr(page, field.name), pattern, names) for field in fields(page)}


def _pattern(names: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?!\w)")


def _renamed(part: Any, pattern: re.Pattern[str], names: Mapping[str, str]) -> Any:  # Any: elements of a page
    if isinstance(part, str):
        text = pattern.sub(lambda match: names[match.group()], part)
        return Markup(text) if isinstance(part, Markup) else text
    if is_dataclass(part) and not isinstance(part, type):
        changed = {field.name: _renamed(getattr(part, field.name), pattern, names) for field in fields(part)}
        return replace(part, **changed)
    if isinstance(part, list | tuple):
        return type(part)(_renamed(each, pattern, names) for each in part)
    return part
