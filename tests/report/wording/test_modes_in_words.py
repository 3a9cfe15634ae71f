import math

import pandas as pd
from made_effects import effect

from ablate.analysis.effects.modes import MODE_COLUMNS
from ablate.report.wording.modes import modes_in_words

FIND = "These results use learning rates found for each variant; exploratory: "
CARRY = FIND + "with rates carried over from the reference, "


def change(variant, by, half, *, mode="carry", n=8, p=0.01):
    is_changed = p <= 0.05 and abs(by) > half
    return (variant, mode, n, by, by - half, by + half, p, is_changed)


def said(effects, *changes):
    return modes_in_words(pd.DataFrame(effects), pd.DataFrame(changes, columns=list(MODE_COLUMNS)))


def effects(*modes, variants=2, against="reference"):
    return [
        effect(f"a={i}", 0.01, 0.02, "inconclusive" if mode == "find" else "exploratory", mode=mode, against=against)
        for mode in modes for i in range(variants)
    ]  # fmt: skip


def test_a_mode_counts_the_effects_that_differ_and_gives_their_size():
    (line,) = said(effects("carry", "find"), change("a=0", -0.03, 0.01), change("a=1", 0.0, 0.01, p=1.0))
    assert line == (
        f"{CARRY}the effect differs for 1 of 2 variants (a 0 by −3.0 points [−4.0, −2.0]): see “Fair learning rates”."
    )


def test_different_verdict_words_alone_are_no_difference():
    (line,) = said(effects("find", "carry"), change("a=0", 0.03, 0.04, p=0.2), change("a=1", 0.0, 0.01, p=1.0))
    assert line == f"{CARRY}no effect is shown to differ (2 variants compared)."


def test_a_comparison_with_another_reference_is_named_so():
    (line,) = said(effects("find", "tune", variants=1, against="best"), change("a=0", 0.02, 0.01, mode="tune"))
    assert "with rates tuned for each variant, the effect differs (a 0 (from the best) by +2.0 points" in line


def test_many_changes_are_named_without_their_sizes():
    changes = [change(f"a={i}", 0.03, 0.01, mode="") for i in range(5)]
    (line,) = said(effects("find", "", variants=5), *changes)
    assert 'with rates of mode "", the effect differs for 5 of 5 variants (a 0, a 1, a 2 and 2 more)' in line


def test_too_few_shared_seeds_are_said():
    (line,) = said(effects("find", "carry", variants=1), change("a=0", 0.03, 0.01, n=4, p=math.nan))
    assert line == (f"{CARRY}there are too few shared seeds (fewer than 6) to tell whether an effect differs.")


def test_one_mode_or_no_shared_variant_says_nothing():
    assert said(effects("find")) == []
    assert said(effects("find", "carry")) == []
