import numpy as np
import pandas as pd
import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_file_runs
from ablate.report import build_report
from ablate.storage.files.atomic import write_aside
from ablate.storage.results import write_table


def table(gains, *, score="accuracy") -> pd.DataFrame:
    """Method new gains as given on each data set over a score of 0.8, 0.7, …, each of six seeds with its own luck."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"dataset": block, "seed": seed, "method": method, score: round(0.8 - 0.1 * place + more + luck, 5)}
            for place, (block, gain) in enumerate(gains.items())
            for seed in range(6)
            for method, more in (("base", 0.0), ("new", gain))
            for luck in [rng.normal(0, 0.004)]
        ]
    )


def built(folder, frame, **asked):
    frame.to_csv(folder / "sweep.csv", index=False)
    foreign = read_imported(read_file_runs(folder / "sweep.csv", study=None), ImportOptions(block="dataset", **asked))
    write_table(foreign.results, folder / "results.csv")
    write_aside(folder / "provenance.json", foreign.facts.to_text())
    return build_report(folder)


def answer(files) -> str:
    return " ".join(files.headline).replace("\N{NO-BREAK SPACE}", " ")


def test_with_few_data_sets_the_answer_is_about_these(tmp_path):
    files = built(tmp_path, table({"mnist": 0.05, "cifar": -0.05}))
    assert "Method new helps on mnist by" in answer(files)
    assert "hurts on cifar by" in answer(files)
    assert "the effect differs between data sets (heterogeneity p < .001)" in answer(files)
    assert "These verdicts hold on these 2 data sets (mnist and cifar), which are too few" in answer(files)
    assert "average" not in answer(files)


def test_an_effect_on_both_data_sets_is_said_of_both(tmp_path):
    assert "Method new helps on both data sets: mnist by" in answer(
        built(tmp_path, table({"mnist": 0.05, "svhn": 0.05}))
    )


def test_with_many_data_sets_the_answer_is_about_data_sets_like_these(tmp_path):
    files = built(tmp_path, table(dict.fromkeys("abcdef", 0.05)))
    assert "Method new helps on average over 6 data sets by" in answer(files)
    assert "better on 6 of 6" in answer(files)
    assert "so they rest on 6 data sets, however many seeds each has" in answer(files)


def test_a_comparison_without_runs_on_one_data_set_rests_on_the_others(tmp_path):
    frame = table(dict.fromkeys("abcdef", 0.05))
    files = built(tmp_path, frame[(frame["dataset"] != "f") | (frame["method"] != "new")])
    assert "helps on average over 5 data sets by" in answer(files)
    assert "data sets like these 6 (a, b, c, d, e and f), so they rest on 5 data sets, however" in answer(files)
    page = files.html.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "which rest on 5 data sets, one value each" in page
    assert "Over 5 data sets 1 of 1 comparison help" in page
    assert "Over 6 data sets" not in page


def test_an_effect_on_few_data_sets_is_not_said_of_all(tmp_path):
    frame = table(dict.fromkeys("abc", 0.05))
    files = built(tmp_path, frame[(frame["dataset"] != "c") | (frame["method"] != "new")])
    assert "Method new helps on both data sets that have it, of all 3: a by" in answer(files)


def test_trials_and_missing_runs_are_named_by_data_set_and_its_own_seed(tmp_path):
    frame = table(dict.fromkeys("abc", 0.05))
    frame = frame[~((frame["dataset"] == "c") & (frame["seed"] == 4) & (frame["method"] == "new"))]
    frame.to_csv(tmp_path / "sweep.csv", index=False)
    foreign = read_imported(read_file_runs(tmp_path / "sweep.csv", study=None), ImportOptions(block="dataset"))
    assert foreign.results["trial"].is_unique
    assert "a/one-factor-method=new-s5" in set(foreign.results["trial"])
    assert any("method=new with seed 4 on c" in note for note in foreign.notes)


def test_effects_of_both_signs_are_not_said_to_help_or_hurt(tmp_path):
    files = built(tmp_path, table(dict(zip("abcdef", [0.05, -0.05] * 3, strict=True))))
    assert "Method new differs between data sets (" in answer(files)
    assert "so no common effect is claimed" in answer(files)
    assert " helps " not in answer(files)
    assert " hurts " not in answer(files)


def test_the_page_has_a_forest_with_a_row_a_data_set_and_tables_of_both_kinds_of_effects(tmp_path):
    files = built(tmp_path, table(dict.fromkeys("abcde", 0.05)))
    assert {path.name for path in files.figures} == {"data-sets.svg"}
    drawn = (tmp_path / "figures" / "data-sets.svg").read_text()
    assert "<title" in drawn
    assert "<desc" in drawn
    assert drawn.count('data-key="pooled-0"') >= 2
    each, pooled = (pd.read_csv(tmp_path / "tables" / name) for name in
                    ("effects-by-data-set.csv", "pooled-effects.csv"))  # fmt: skip
    assert len(each) == 5
    assert len(pooled) == 1
    assert "<h2" in files.html.read_text()
    assert "Effects by data set" in files.html.read_text()


def test_the_same_folder_gives_the_same_bytes(tmp_path):
    frame = table(dict.fromkeys("abcde", 0.05))
    first = built(tmp_path, frame).html.read_bytes()
    assert build_report(tmp_path).html.read_bytes() == first


def test_mean_ranks_are_drawn_for_three_configurations_on_five_data_sets(tmp_path):
    frame = table(dict.fromkeys("abcde", 0.05))
    third = frame[frame["method"] == "base"].assign(method="old")
    third["accuracy"] -= 0.1
    files = built(tmp_path, pd.concat([frame, third]), reference="method=base")
    assert {path.name for path in files.figures} == {"data-sets.svg", "mean-ranks.svg"}
    ranks = pd.read_csv(tmp_path / "tables" / "mean-ranks.csv")
    assert ranks["configuration"].tolist() == ["method=new", "reference", "method=old"]


def test_losses_of_other_sizes_are_shown_as_ratios_and_said_to_be(tmp_path):
    frame = table({"small": -0.05, "large": -0.05}, score="mae")
    frame.loc[frame["dataset"] == "large", "mae"] *= 1000
    files = built(tmp_path, frame)
    assert "helps on both data sets" in answer(files)
    assert "log points" in answer(files)
    assert "100 times the logarithm of the ratio" in answer(files)


@pytest.mark.parametrize("lost", [1, 6])
def test_lost_runs_on_one_data_set_leave_no_size_where_guessing_is_unknown(tmp_path, lost):
    frame = table({"a": 0.05, "b": 0.05}).astype({"accuracy": object})
    place = frame.index[(frame["dataset"] == "a") & (frame["method"] == "new")][:lost]
    frame.loc[place, "accuracy"] = "nan"
    said = answer(built(tmp_path, frame))
    assert "no size is claimed: method new" in said


def test_names_of_data_sets_are_escaped(tmp_path):
    html = built(tmp_path, table({"<b>x</b>": 0.05, "b": 0.05})).html.read_text()
    assert "<b>x</b>" not in html
