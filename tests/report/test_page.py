from ablate.report.export import PageFiles
from ablate.report.page import (
    MOST_ROWS,
    Check,
    Checklist,
    Definitions,
    Figure,
    Folded,
    Link,
    Listing,
    Page,
    Paragraph,
    Section,
    Table,
)
from ablate.report.render import render

HOSTILE = '"><script>alert(1)</script>&'
ESCAPED = "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


def test_every_kind_of_block_is_escaped() -> None:
    blocks = [
        Paragraph(HOSTILE),
        Table(HOSTILE, [HOSTILE], [[HOSTILE]]),
        Checklist([Check(HOSTILE, passed=None, why=HOSTILE)]),
        Definitions([(HOSTILE, HOSTILE)]),
        Listing(HOSTILE, HOSTILE),
    ]
    page = Page(
        HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], [HOSTILE], [(HOSTILE, HOSTILE)], [Section("a", HOSTILE, blocks)]
    )
    html = render(page, PageFiles.of(page))
    assert html.count("<script") == 1  # our own
    # title twice; date twice; banner 2; headline; facts 2; nav twice and heading; then 1, 4 (a label too), 2, 2 and 2
    assert html.count(ESCAPED) == 23


def test_a_number_keeps_its_unit_everywhere_but_in_what_is_copied() -> None:
    said, kept = "n = 9, 95 %, p = .04", "n~=~9, 95~%, p~=~.04".replace("~", "\N{NO-BREAK SPACE}")
    figure = Figure("f", "F", said, '<svg viewBox="0 0 1 1" xmlns="http://www.w3.org/2000/svg"/>', reading=said)
    blocks = [
        Paragraph(said),
        Table(said, [said], [["95 %"]]),
        figure,
        Checklist([Check("a", passed=True, why=said)]),
        Definitions([("a", said)]),
        Folded("g", said, Table("t", ["a"], [])),
        Listing("A file", said),
    ]
    page = Page("t", "", [("a", said)], [said], [("a", said)], [Section("s", "S", blocks)])
    html = render(page, PageFiles.of(page))
    # paragraph, caption, head, figure (2), check, definition (2), folded, banner, headline
    assert html.count(kept) == 11
    assert html.count(said) == 2  # the label of the table's region, and the listing


def test_a_check_says_its_state_by_word_and_shape() -> None:
    checks = Checklist([Check("a", passed=True, why=""), Check("b", passed=False, why=""), Check("c", None, "")])
    page = Page("t", "", [], [], [], [Section("s", "S", [checks])])
    html = render(page, PageFiles.of(page))
    for shown in ("✓ passed", "✕ failed", "– unknown"):
        assert shown in html


def test_a_cell_can_lead_to_a_group_of_rows() -> None:
    short = Table("Short", ["a"], [[Link("two runs", "there")]], key="bars", filters=(0,))
    long = Table("Long", ["b"], [["1"], ["2"], ["3"]], groups=[("there", 2), ("elsewhere", 1)])
    page = Page("t", "", [], [], [], [Section("s", "S", [short, Folded("runs", "One row a run.", long)])])
    html = render(page, PageFiles.of(page))
    assert '<tr data-key="bars-0"><td><a href="#there">two runs</a></td></tr>' in html
    assert html.index('id="runs"') < html.index('<tbody id="there">') < html.index('<tbody id="elsewhere">')
    assert html.count("<tbody") == 3
    assert 'data-filters="0"' in html


def test_a_long_table_is_cut_and_says_so() -> None:
    table = Table("Long", ["a"], [[str(i)] for i in range(MOST_ROWS + 10)])
    page = Page("t", "", [], [], [], [Section("s", "S", [table])])
    html = render(page, PageFiles.of(page))
    assert html.count("<td>") == MOST_ROWS
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 10} rows" in html


def test_the_standing_is_told_in_the_title_block_with_its_sign() -> None:
    for is_confirmed, sign in ((True, "✓"), (False, "✕")):
        page = Page("t", "", [], [], [], [], Link("so it stands", "trust"), is_confirmed)
        html = render(page, PageFiles.of(page))
        assert f'<span class="state">{sign}</span> <a href="#trust">so it stands</a>' in html
