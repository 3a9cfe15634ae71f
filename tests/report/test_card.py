"""The card of a result: what the page says, escaped."""

from ablate.report.card import checks_of, result_card
from ablate.report.page import Check, Checklist, Link, Page, Section

CHECKS = [Check("Enough seeds", passed=True, why="All."), Check("Same <data>", passed=None, why="Not recorded.")]


def page(**more):
    return Page(
        "A & B", "", [("SYNTHETIC", "Not real.")], ["x < y"], [], [Section("trust", "T", [Checklist(CHECKS)])], **more
    )


def test_a_card_says_answer_banners_and_checks_and_escapes_them():
    html = result_card(page(confirmation=Link("not confirmed", "trust")))
    assert "A &amp; B" in html
    assert "<strong>SYNTHETIC.</strong> Not real." in html
    assert "x &lt; y" in html
    assert "not confirmed: 1 of 2 checks passed" in html
    assert "✓ <strong>Enough seeds.</strong>" in html
    assert "– <strong>Same &lt;data&gt;.</strong>" in html
    assert "<img" not in html


def test_checks_are_those_of_all_sections():
    assert checks_of(page()) == CHECKS
