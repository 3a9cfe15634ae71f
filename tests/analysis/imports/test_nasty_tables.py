"""No nasty table is given a confident wrong sentence: each is refused for what is wrong, or read and said."""

import pytest
from nasty_reports import faults, reported
from nasty_tables import NASTY, NastyTable
from report_claims import claims, claims_of, statements, without_search


def listed() -> list[object]:
    """The tables, by their names."""
    return [pytest.param(one, id=one.name) for one in NASTY]


@pytest.mark.parametrize("table", listed())
def test_a_nasty_table_is_refused_for_what_is_wrong_or_read_and_said(table, tmp_path):
    with without_search():
        assert "\n".join(faults(table, reported(table, tmp_path))) == ""


@pytest.mark.slow
@pytest.mark.parametrize("table", listed())
def test_nor_does_its_search_section_say_more_than_the_numbers_allow(table, tmp_path):
    assert "\n".join(faults(table, reported(table, tmp_path))) == ""


def test_every_table_is_written_without_chance_and_names_what_it_expects():
    assert len({table.name for table in NASTY}) == len(NASTY) > 40
    assert all(table.text == table.text for table in NASTY)
    assert [table.name for table in NASTY if not table.read and table.refused is None] == []


CLAIMED = (
    "Opt matters most: n hurts by 1.2 points [0.4, 2.1], n = 8, adjusted p = .02.",
    "Detectable, but within ±0.5: dropout 0.1 (+0.2 [0.1, 0.3]).",
    "Of 3 comparisons, 1 helps or hurts, none is equivalent, 2 are undecided or below the margin.",
    "Of 3 comparisons, 1 hurts, 2 are undecided.",
    "The only comparison helps.",
    "In these 64 trials, norm best separates the best trials from the rest.",
    "Whether these factors help depends on the other factors: norm, opt.",
    "2 of 5 verdicts change with the learning-rate mode.",
    "with rates carried over from the reference, the verdict changes (norm batch: inconclusive → helps)",
    "with rates carried over from the reference, the effect differs for 2 of 9 variants (a 1 by −3.0, b 2 by 1.0)",
    "The effect differs significantly between modes for norm=batch.",
    "lr also rises above noise.",
    "The first step, norm = y, gains +0.4; the whole path gains +0.9.",
    "Adam fails more often than the reference: 8 of 8 against 0 of 8.",
    "The best configuration beats the reference by 2.0 points [1.0, 3.0].",
)
NOT_CLAIMED = (
    "No variant is shown to help or hurt.",
    "Of 3 comparisons, none helps or hurts, none is equivalent, 3 are undecided or below the margin.",
    "Of 3 comparisons, none is shown to help or hurt, 3 are undecided.",
    "Undecided: act q (−0.2 [−1.2, 0.9]; needs about 379 seeds).",
    "None of the 5 verdicts changes with the learning-rate mode.",
    "with rates carried over, no effect is shown to differ (9 variants compared)",
    "No other factor rises above noise.",
    "Exploratory: the effect of 2 of 9 variants differs from mode find to another mode; they come first.",
    "Whether an effect differs from mode find cannot be told.",
    "An effect differs between two modes if the difference of the two effects, paired by seed, is significant.",
    "“Signs differ” means that two intervals lie on different sides of 0.",
    "Exploratory: the first step, norm = y, gains +0.4.",
    "No factor rises above the noise, so none is ranked.",
    "Equivalent within ±0.5: he_uniform.",
    "6 seeds are descriptive only: the largest observed difference is dropout 0.1, +0.4.",
)


@pytest.mark.parametrize("text", CLAIMED)
def test_a_sentence_that_asserts_an_effect_is_a_claim(text):
    assert len(claims_of(text)) == 1


@pytest.mark.parametrize("text", NOT_CLAIMED)
def test_a_sentence_that_asserts_none_is_no_claim(text):
    assert claims_of(text) == []


def row(*cells: str, head: str = "Verdict", caption: str = "Every comparison") -> str:
    cut = "".join(f"<td>{cell}</td>" for cell in cells)
    return (
        f"<section id='effects'><table><caption>{caption}</caption><thead><tr><th>{head}</th></tr></thead>"
        f"<tr>{cut}</tr></table></section>"
    )


def test_a_row_claims_by_its_verdict_and_without_verdicts_by_its_interval():
    assert [one.kind for one in claims(statements(row("opt", "▲\N{NO-BREAK SPACE}helps", "[0.1, 0.3]")))] == ["effect"]
    assert claims(statements(row("opt", "○\N{NO-BREAK SPACE}inconclusive", "[0.1, 0.3]"))) == []
    assert [one.kind for one in claims(statements(row("opt", "[−0.3, −0.1]", head="Gain")))] == ["interval"]
    assert claims(statements(row("opt", "[−0.3, 0.1]", head="Gain"))) == []
    assert claims(statements(row("opt", "[0.1, 0.3]", head="Gain", caption="Gains, exploratory"))) == []


def test_a_table_is_exploratory_by_its_own_words_not_by_those_of_its_section():
    opening = "<section id='effects'><p>Everything else is exploratory.</p><div class='wide'>"
    assert len(claims(statements(opening + row("opt", "▲\N{NO-BREAK SPACE}helps") + "</div></section>"))) == 1
    figure = "<section id='paths'><figure><h3>The path (exploratory)</h3><details>"
    table = "<table><thead><tr><th>Gain</th></tr></thead><tr><td>[0.1, 0.3]</td></tr></table>"
    assert claims(statements(f"{figure}{table}</details></figure></section>")) == []


def test_how_to_read_a_figure_is_no_claim():
    reading = "<p class='reading'>Filled bars rise above noise.</p>"
    page = f"<section id='search'><p>opt best separates the best trials.</p>{reading}"
    assert [one.text for one in claims(statements(page))] == ["opt best separates the best trials."]


def test_figures_scripts_and_the_list_of_sections_say_nothing():
    page = "<nav><ul><li>adam helps by 3</li></ul></nav><figure><svg><text>adam helps by 3</text></svg></figure>"
    assert statements(page + "<script>adam helps by 3</script>") == []


def test_a_table_that_is_refused_though_it_is_right_is_a_fault(tmp_path):
    table = NastyTable("none", "one column", lambda _: [{"val_accuracy": 0.5}])
    assert faults(table, reported(table, tmp_path))[0].startswith("is refused: ")
