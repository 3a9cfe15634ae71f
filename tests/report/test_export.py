import pandas as pd
import pytest

from ablate.report.export import MOST_ROWS_INSIDE, Attachment, PageFiles, to_csv, to_latex, with_units
from ablate.report.page import MOST_ROWS, Figure, Link, Page, Section, Table


def page(*blocks: Table | Figure) -> Page:
    return Page("t", "", [], [], [], [Section("s", "S", blocks)])


def test_a_csv_holds_the_numbers_with_all_their_digits() -> None:
    data = with_units(pd.DataFrame({"level": ["a"], "mean": [0.1 + 0.2]}), {"mean": "fraction"})
    table = Table("Means", ["Level", "Mean, %"], [["a", "30.0"]], data=data)
    assert to_csv(table) == "level,mean (fraction)\na,0.30000000000000004\n"


def test_without_numbers_a_csv_holds_the_text_with_plain_minus_signs() -> None:
    table = Table("Means", ["Level", "Mean"], [["a, b", "−0.4"], [Link("c", "there"), "–"]])
    assert to_csv(table) == 'Level,Mean\n"a, b",-0.4\nc,\n'


def test_latex_is_escaped_and_says_what_it_needs() -> None:
    table = Table("Gains of 5 %", ["Level", "Gain, %"], [["a_1 & b", "−0.4"], ["▲\N{NO-BREAK SPACE}$x$", "[1, 2]"]],
                  numeric=frozenset((1,)))  # fmt: skip
    assert to_latex(table).splitlines() == [
        r"% Gains of 5 %; needs \usepackage{booktabs} and \usepackage{amssymb}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Level & Gain, \% \\",
        r"\midrule",
        r"a\_1 \& b & $-$0.4 \\",
        r"$\blacktriangle$ \$x\$ & {[}1, 2] \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_long_table_is_cut_on_the_page_and_whole_in_its_csv() -> None:
    n = MOST_ROWS_INSIDE["CSV"] + 1
    data = pd.DataFrame({"number": range(n)})
    table = Table("Long", ["Number"], [[str(i)] for i in range(MOST_ROWS)], data=data)
    csv, tex = PageFiles.of(page(table)).beside(table)
    assert table.n_rows == n
    assert csv.content.count("\n") == n + 1
    assert not csv.is_inside
    assert f"% The first {MOST_ROWS} of {n} rows." in tex.content
    assert tex.content.count(r"\\") == MOST_ROWS + 1


def test_two_tables_of_one_name_get_two_files() -> None:
    one, two = (Table("The same: name!", ["a"], [[text]]) for text in "12")
    files = PageFiles.of(page(one, two))
    assert [file.path for file in files.beside(one)] == ["tables/the-same-name.csv", "tables/the-same-name.tex"]
    assert [file.path for file in files.beside(two)] == ["tables/the-same-name-2.csv", "tables/the-same-name-2.tex"]
    assert len({file.path for file in files}) == 4


def test_a_figure_is_saved_as_it_was_written() -> None:
    figure = Figure("bars", "Bars", "See.", "<svg>é</svg>")
    (file,) = PageFiles.of(page(figure)).beside(figure)
    assert file == Attachment("SVG", "figures/bars.svg", "image/svg+xml", "<svg>é</svg>", is_inside=True)
    assert file.uri() == "data:image/svg+xml;charset=utf-8;base64,PHN2Zz7DqTwvc3ZnPg=="


@pytest.mark.parametrize("caption", ["../../etc/passwd", "a/b", "Ü ber"])
def test_a_caption_names_no_place_outside_of_the_folder(caption: str) -> None:
    name = Table(caption, [], []).file_name
    assert "/" not in name
    assert ".." not in name


def test_no_name_of_a_figure_or_table_leads_out_of_the_folder() -> None:
    table = Table("t", ["a"], [["1"]], name="../../x")
    figure = Figure("path-../../y", "t", "s", "<svg></svg>", table)
    assert [file.path for file in PageFiles.of(page(figure))] == [
        "figures/path--y.svg", "tables/-x.csv", "tables/-x.tex",
    ]  # fmt: skip
