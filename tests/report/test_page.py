from ablate.report.export import PageFiles
from ablate.report.page import Check, Checklist, Definitions, Listing, Page, Paragraph, Section, Table
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
    # title twice; date twice; banner 2; headline; facts 2; nav and heading; then 1, 4 (a label too), 2, 2 and 2
    assert html.count(ESCAPED) == 22


def test_a_check_says_its_state_by_word_and_shape() -> None:
    checks = Checklist([Check("a", passed=True, why=""), Check("b", passed=False, why=""), Check("c", None, "")])
    page = Page("t", "", [], [], [], [Section("s", "S", [checks])])
    html = render(page, PageFiles.of(page))
    for shown in ("✓ passed", "✕ failed", "– not known"):
        assert shown in html
