import pandas as pd
import pytest

from ablate.analysis.effects import mode_rank, only_primary, primary_mode


def effects(**verdicts):
    rows = [(mode, said) for mode, all_said in verdicts.items() for said in all_said]
    return pd.DataFrame(rows, columns=["mode", "verdict"])


@pytest.mark.parametrize(
    ("modes", "first"),
    [(["carry", "tune", "find"], "find"), (["carry", "tune"], "tune"), (["", "carry"], "carry"), (["warm"], "warm")],
)
def test_the_primary_mode_is_that_of_the_fairest_rates(modes, first):
    assert primary_mode(modes) == first == min(modes, key=mode_rank)
    assert primary_mode([]) is None


def test_other_modes_keep_no_verdict_that_judges_a_difference():
    judged = [
        "helps",
        "hurts",
        "equivalent",
        "detectable but below margin",
        "detectable, size undecided",
        "inconclusive",
    ]
    found = only_primary(effects(tune=judged, find=judged))
    assert found.loc[found["mode"] == "find", "verdict"].tolist() == judged
    assert set(found.loc[found["mode"] == "tune", "verdict"]) == {"exploratory"}


def test_other_modes_keep_the_reason_why_there_is_no_verdict():
    reasons = ["too few seeds", "identical runs", "no run finished", "lost runs"]
    found = only_primary(effects(find=["helps"], carry=reasons))
    assert found.loc[found["mode"] == "carry", "verdict"].tolist() == reasons


def test_a_table_without_rows_stays_without():
    assert only_primary(effects()).empty
