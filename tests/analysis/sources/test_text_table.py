import pytest

from ablate.analysis.sources import read_csv_runs
from ablate.analysis.sources.csv_file import drawn_table, named_separator

TABLE = {"norm": ["none", "batch"], "acc": ["0.5", "0.7"]}


@pytest.mark.parametrize(
    "text",
    [
        "norm|acc\nnone|0.5\nbatch|0.7\n",
        "sep=,\nnorm,acc\nnone,0.5\nbatch,0.7\n",
        '"sep=;"\r\nnorm;acc\r\nnone;0.5\r\nbatch;0.7\r\n',
        "sep=|\nnorm|acc\nnone|0.5\nbatch|0.7\n",
        "| norm | acc |\n|------|----:|\n| none | 0.5 |\n| batch | 0.7 |\n",
        "# Results\n\n| norm | acc |\n|:--|:-:|\n| `none` | 0.5 |\n| batch | 0.7 |\n\nThat is all | really.\n",
        "norm | acc\n--- | ---\nnone | 0.5\nbatch | 0.7",
        "+-------+-----+\n| norm  | acc |\n+=======+=====+\n| none  | 0.5 |\n| batch | 0.7 |\n+-------+-----+\n",
        "+-------+-----+\n| norm  | acc |\n|-------+-----|\n| none  | 0.5 |\n| batch | 0.7 |\n+-------+-----+\n",
    ],
)
def test_the_ways_in_which_people_write_tables_are_read(tmp_path, text):
    path = tmp_path / "table.txt"
    path.write_text(text, newline="")
    assert read_csv_runs(path).table.to_dict("list") == TABLE


def test_sacct_ends_each_row_with_a_bar(tmp_path):
    path = tmp_path / "sacct.txt"
    path.write_text("norm|acc|\nnone|0.5|\nbatch|0.7|\n")
    assert read_csv_runs(path).table.drop(columns="column 3").to_dict("list") == TABLE


def test_a_bar_in_a_cell_of_a_markdown_table_is_escaped():
    assert drawn_table("| a | b |\n|--|--|\n| x\\|y | 1 |\n") == "a,b\nx|y,1\n"


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a\n--\n1\n", "a,b\n-,--\n", "a;b\n1;x--|\n"])
def test_other_text_is_no_drawn_table(text):
    assert drawn_table(text) is None
    assert named_separator(text) == ("", text)


def test_a_long_line_of_dashes_is_read_at_once():
    assert drawn_table("-" * 1_000_000 + "x\n") is None
