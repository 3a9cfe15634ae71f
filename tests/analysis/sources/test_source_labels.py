import math

from ablate.analysis.sources.json_text import clashing_words, label, texts


def test_a_word_that_reads_as_another_value_is_quoted_and_what_is_missing_is_blank():
    assert texts([1, "1", 2.0, "2.0", None, math.nan, "x"]) == ["1", '"1"', "2.0", '"2.0"', "", "", "x"]
    assert texts(["1", "2"]) == ["1", "2"]


def test_a_category_of_nothing_is_none_and_not_blank():
    words = clashing_words([None, "None", "", "x", 1])
    assert words == {"None", ""}
    assert [label(value, words) for value in (None, "None", "", "x", 1)] == ["None", '"None"', '""', "x", "1"]
