from made_effects import effect

from ablate.report import wording
from ablate.report.wording import phrases


def test_stars_and_underscores_are_no_markup():
    assert wording.as_markdown("find*3, find*0.3 <b> x_1 [1, 2]") == r"find\*3, find\*0.3 \<b\> x\_1 \[1, 2\]"


def test_a_row_is_named_by_what_it_changes_and_from_where():
    assert phrases.effect_name(effect("drop_out=0.1", 0, 1, "inconclusive")) == "drop out 0.1"
    assert phrases.effect_name(effect("best", 0, 1, "inconclusive", factor="")) == "the best configuration"
    other = effect("x", 0, 1, "inconclusive", factor="a", level="1", against="target")
    assert phrases.effect_name(other) == "a 1 (from target)"


def test_a_letter_keeps_its_value_a_number_its_unit_and_an_interval_its_ends():
    said = "adjusted p = .03, p < .001, n = 9, 95 %, 3.1 points, 2 seeds [−1.5, 1,000], 2 pointsettias, a, b, [x, y]"
    kept = "adjusted p~=~.03, p~<~.001, n~=~9, 95~%, 3.1~points, 2~seeds [−1.5,~1,000], 2 pointsettias, a, b, [x, y]"
    assert wording.unbroken(said) == kept.replace("~", "\N{NO-BREAK SPACE}")


def test_no_end_of_an_interval_reads_like_its_mean():
    row = effect("a=1", 0.00143, 0.0005, "helps") | {"low_adjusted": 0.00096, "high_adjusted": 0.0019}
    assert phrases.moves(row, verb="helps") == "helps by 0.14 [0.10, 0.19]"


def test_the_largest_p_that_decides_is_never_rounded_above_the_level():
    levels = (0.05, 0.0125, 0.05 / 12, 0.05 / 24, 0.01, 1.0)
    assert [phrases.level_text(level) for level in levels] == [".05", ".0125", ".00416", ".00208", ".01", "1"]
