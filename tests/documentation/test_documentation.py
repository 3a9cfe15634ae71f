"""The documentation as a whole: its pages hang together, its blocks are well formed, its reference is complete."""

import ast
import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from page_blocks import PAGES, ROOT, SETUP, blocks_of, name_of

from ablate.analysis.costs import COSTS
from ablate.analysis.effects.table import EFFECT_COLUMNS
from ablate.storage.results import FURTHER
from ablate.study.catalog import ENGINE, MODELS
from ablate.study.trial import COLUMNS, Epoch, LayerState

DOCS = ROOT / "docs"
GENERATED = ("reference/study-file.md", "reference/factors.md", "reference/command-line.md", "studies.md")
LANGUAGES = ("sh", "python", "toml", "text", "console", "yaml", "bibtex", "html", SETUP)


@cache
def reference():
    """`docs/_reference.py` as a module."""
    pytest.importorskip("griffe")
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_of_a_known_language_and_well_formed(page):
    for block in blocks_of(page):
        where = f"{name_of(page)}:{block.line}"
        assert block.language in LANGUAGES, where
        if block.language in ("python", SETUP):
            ast.parse(block.text, where)
        if block.language == "toml" and not block.skipped:
            tomllib.loads(block.text)
        if block.language == "yaml":
            list(yaml.safe_load_all(block.text))


def links_of(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page):
    for link in links_of(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target in [DOCS / name for name in GENERATED]:
            assert not anchor, link
            continue
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def navigated() -> list[str]:
    """The pages that mkdocs.yml names."""

    def of(entry):
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry if isinstance(entry, list) else entry.values():
                yield from of(value)

    return list(of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))


def test_the_navigation_has_every_page_once():
    pages = [str(page.relative_to(DOCS)) for page in PAGES if page.is_relative_to(DOCS)]
    assert sorted(navigated()) == sorted([*pages, *GENERATED])


def test_the_readme_is_short_and_names_the_commands_that_begin():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    for command in ("study", "plan", "init", "analyze", "ui", "doctor"):
        assert f"ablate {command}" in readme, command


def test_the_reference_of_the_study_file_says_of_each_key_what_it_does():
    page = reference().study_file_page()
    for name, table in reference().TABLES.items():
        assert f"## [{name}]" in page
        for key in table.model_fields:
            rows = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
            assert key == "options" or any(row.rsplit("|", 2)[-2].strip() for row in rows), key


def test_the_reference_of_factors_has_every_factor_and_its_meaning():
    page = reference().factors_page()
    for factors in (
        ENGINE,
        *(model.factors for model in MODELS.values()),
        *(model.options for model in MODELS.values()),
    ):
        for name, factor in factors.items():
            assert factor.meaning, name
            assert f"| `{name}` |" in page


def test_the_reference_of_commands_has_every_command_and_option_with_a_help():
    page = reference().command_line_page()
    for name in (
        "study",
        "plan",
        "lr",
        "report",
        "verify",
        "export",
        "analyze",
        "init",
        "compare",
        "gc",
        "list",
        "show",
        "ui",
        "doctor",
    ):
        assert f"## ablate {name}\n" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not re.split(r"(?<!\\)\|", row)[2].strip()] == []


def columns_on(page: Path, heading: str) -> set[str]:
    """The names in the first cells of a section's tables."""
    section = page.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_reference_of_tables_has_their_columns():
    page = DOCS / "reference" / "tables.md"
    assert columns_on(page, "results.csv") == {*COLUMNS, *FURTHER, "val_…", "test_…"}
    assert columns_on(page, "effects.csv") == {*EFFECT_COLUMNS, *COSTS, "direction"}
    assert columns_on(page, "epochs.csv") - {"train_…", "val_…"} == {*Epoch.__slots__} - {"metrics"}
    assert columns_on(page, "layers.csv") == {"trial", *LayerState.__slots__}
