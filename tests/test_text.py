import pytest

from ablate.text import printable, printable_lines, to_minute

HOSTILE = "a\x1b[2J\x07\r\x9b31m\u202eb\udcff\0"


def test_what_steers_a_terminal_is_escaped():
    for text in (printable(HOSTILE), printable_lines(HOSTILE)):
        assert text == r"a\x1b[2J\x07\r\x9b31m\u202eb\udcff\x00"


def test_one_line_is_made_of_several_and_cut():
    assert printable("a\nb") == r"a\nb"
    assert printable("x" * 10_000, 10) == "xxxxxxx..."


@pytest.mark.parametrize("text", ["n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}6", "two\nlines", "größe 研究 हिन्दी ▲ −0.4"])
def test_what_people_write_stays_as_it_is(text):
    assert printable_lines(text) == text


def test_a_time_is_said_to_the_minute_and_other_text_as_it_is():
    assert to_minute("2026-11-30T10:30:59+01:00") == "2026-11-30 10:30"
    assert to_minute("") == ""
    assert to_minute("yesterday") == "yesterday"
