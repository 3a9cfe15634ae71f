"""Runs in memory or on disk are compared by the words of the call; messages name its arguments."""

import pandas as pd
import pytest

import ablate
from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_file_runs
from ablate.errors import AblateError
from ablate.interface.analyzing import analyze
from ablate.interface.arguments import told_as_arguments
from ablate.storage.results import write_table

RUNS = pd.DataFrame(
    {
        "norm": ["none", "batch"] * 6,
        "seed": [seed for seed in range(6) for _ in range(2)],
        "accuracy": [0.80, 0.84, 0.81, 0.86, 0.79, 0.83, 0.80, 0.85, 0.82, 0.85, 0.81, 0.85],
    }
)


def test_a_table_on_disk_and_the_same_in_memory_give_the_same_effects(tmp_path):
    RUNS.to_csv(tmp_path / "runs.csv", index=False)
    asked = {"score": "accuracy", "factors": ["norm"], "seed": "seed", "reference": {"norm": "none"}}
    of_file = analyze(tmp_path / "runs.csv", **asked, out=tmp_path / "reports")
    of_frame = analyze(RUNS, **asked, out=tmp_path / "reports", name="frame")
    assert of_file.folder == tmp_path / "reports" / "runs"
    assert of_frame.folder == tmp_path / "reports" / "frame"
    pd.testing.assert_frame_equal(of_file.effects, of_frame.effects)
    gain = RUNS.groupby("norm")["accuracy"].mean()
    assert of_frame.effects["mean"].tolist() == pytest.approx([abs(gain["batch"] - gain["none"])])
    assert "accuracy" in of_frame.notes[0]
    assert f"Note: {of_frame.notes[0]}" in repr(of_frame).splitlines()
    assert of_frame.report.is_file()


def test_options_take_the_shapes_of_python(tmp_path):
    table = RUNS.assign(fold=RUNS["seed"] % 2, seed=RUNS["seed"] // 2, other=1.0)
    result = analyze(table, score="accuracy", factors=["norm"], seed=["fold", "seed"], out=tmp_path, name="folds")
    assert result.effects["n"].tolist() == [6]
    lower = analyze(
        RUNS, score="accuracy", factors=["norm"], direction="minimize", reference={"norm": "none"}, out=tmp_path
    )
    assert lower.effects["mean"].iloc[0] < 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"factors": "norm"}, r'factors: must be a list of columns, got "norm"\n  write \["norm"\]'),
        ({"reference": {"norm": "a,b"}}, 'reference: names and levels must be without "," and "="'),
        ({"direction": "up"}, '--direction: must be "maximize" or "minimize"'),
        ({"name": "a/b"}, "--name a/b: must have"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, asked, said):
    with pytest.raises(AblateError, match=said):
        analyze(RUNS, out=tmp_path, **asked)
    assert list(tmp_path.iterdir()) == []


def run(*, fresh, continue_, workers, data_dir):
    raise AssertionError(fresh, continue_, workers, data_dir)


@pytest.mark.parametrize(
    ("message", "said", "note"),
    [
        (
            "changed\n  --continue goes on; --fresh starts again; --data-dir and --json",
            "changed\n  continue_=True goes on; fresh=True starts again; data_dir=… and --json",
            "",
        ),
        ("changed: use --fresh", "changed: use --fresh", "fresh=True"),
        ('it\n  "a --fresh b" is; --fresh', 'it\n  "a --fresh b" is; fresh=True', "fresh=True"),
        ("it\n  $ python a.py --workers 2", "it\n  $ python a.py --workers 2", "workers=…"),
        ("no option, a--fresh one\n  a--fresh", "no option, a--fresh one\n  a--fresh", ""),
    ],
)
def test_a_message_names_arguments_in_the_place_of_options(message, said, note):
    with pytest.raises(AblateError) as caught, told_as_arguments(run):
        raise AblateError(message)
    assert str(caught.value) == said
    assert getattr(caught.value, "__notes__", []) == ([f"as arguments of run: {note}"] if note else [])


def test_a_call_names_its_arguments(tmp_path):
    with pytest.raises(AblateError) as caught:
        ablate.analyze(RUNS, score="accurcy", out=tmp_path)
    named = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert "--score" not in named[0] or "score=…" in named[-1]


@pytest.fixture(scope="module")
def on_two(tmp_path_factory):
    """Normalization helps on two data sets, more on the second."""
    hard = RUNS.assign(accuracy=RUNS["accuracy"] - 0.2 + 0.02 * (RUNS["norm"] == "batch"), data="hard")
    folder = tmp_path_factory.mktemp("two")
    pd.concat([RUNS.assign(data="easy"), hard]).to_csv(folder / "two.csv", index=False)
    asked = ImportOptions(block="data", reference="norm=none")
    foreign = read_imported(read_file_runs(folder / "two.csv", study=None), asked)
    write_table(foreign.results, folder / "results.csv")
    (folder / "provenance.json").write_text(foreign.facts.to_text())
    return ablate.read(folder)


def test_the_effects_on_each_data_set_are_a_table_beside_those_over_all(on_two):
    gains = RUNS.groupby("norm")["accuracy"].mean()
    each = on_two.effects_by_data_set
    assert each["data_set"].tolist() == ["easy", "hard"]
    gain = gains["batch"] - gains["none"]
    assert each["mean"].tolist() == pytest.approx([gain, gain + 0.02])
    assert each["reference_mean"].tolist() == pytest.approx([gains["none"], gains["none"] - 0.2])
    assert each["n"].tolist() == [6, 6]
    assert "exploratory" not in set(each["verdict"])
    assert on_two.effects["verdict"].tolist() == ["exploratory"]


def test_the_card_of_several_data_sets_shows_the_figure_of_each(on_two):
    assert "Effects by data set" in on_two._repr_html_()
    assert "data-sets" in on_two.figures
    assert on_two.plot("effects").axes


def test_a_study_on_one_data_set_has_no_effects_by_data_set(tmp_path):
    alone = analyze(RUNS, score="accuracy", factors=["norm"], reference={"norm": "none"}, out=tmp_path, name="one")
    assert alone.effects_by_data_set.empty
    assert next(iter(alone.effects_by_data_set)) == "data_set"
