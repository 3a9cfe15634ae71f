from io import StringIO

import pandas as pd
import pytest

from ablate.report.export import inert_text, to_inert_csv


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+x", "-x", "@SUM(1)", "\t=1", "\r=1", " =1", "\n=1", "＝1", "=HYPERLINK(0)", "-1+2"]
)
def test_what_a_spreadsheet_would_run_is_text_there(text):
    assert inert_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-0.4", "+1e-3", "−0.4", "a=1", "", "none", "1-2", "[-1, 2]", "-inf", "<script>", "'=1"]
)
def test_numbers_and_words_stay_as_they_are(text):
    assert inert_text(text) == text


def test_numbers_keep_their_digits_and_names_of_columns_are_inert_too():
    table = pd.DataFrame(
        {"=a": ["-x", None, "-1"], "b": [0.1 + 0.2, None, -1e-300], "c": pd.array([1, None, -3], "Int64")}
    )
    text = to_inert_csv(table)
    assert text == "'=a,b,c\n'-x,0.30000000000000004,1\n,,\n-1,-1e-300,-3\n"
    assert pd.read_csv(StringIO(text))["b"].tolist()[::2] == [0.1 + 0.2, -1e-300]
    assert to_inert_csv(pd.DataFrame(columns=["=a", "b"])) == "'=a,b\n"
