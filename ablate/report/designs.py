"""Factorials, both directions and paths into sections: does a factor's worth depend on the others, and how?"""

from ablate.report.design_runs import OF_FACTORIAL
from ablate.report.directions import directions_section
from ablate.report.inputs import Inputs
from ablate.report.interactions import found_factorials, interactions_section
from ablate.report.page import Section
from ablate.report.paths import path_section

__all__ = ["design_sections", "directions_section", "interactions_section", "path_section"]


def design_sections(inputs: Inputs, *, anchors: frozenset[str] = frozenset()) -> list[Section]:
    """What the designs tell beyond one factor at a time, read once; sections without rows are left out.

    `anchors` are places of runs on the page that numbers may lead to.
    """
    found = found_factorials(inputs)
    here = anchors | {OF_FACTORIAL} if found else anchors
    sections = (
        interactions_section(inputs, found),
        directions_section(inputs, found, anchors=here),
        path_section(inputs, found),
    )
    return [section for section in sections if section is not None]
