"""The command `ablate analyze`, from a table to its report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import fcnet
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ablate.analysis.imports import ImportOptions
from ablate.cli.main import app
from ablate.errors import AblateError
from ablate.experiment.analyze import ReportPlace, prepare
from ablate.report import build_report
from ablate.storage.results import read_results

# Whatever is imported beside these would be missing on a machine that only reads.
WITHOUT_TRAINING = """
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "mlflow", "ray"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Forbidden())
sys.argv = ["ablate", "analyze", "sweep.csv"]
from ablate.cli.main import main

main()
"""


def table(n_seeds=6):
    """norm helps by 10 points, width does nothing; noise that a seed shares cancels."""
    rng = np.random.default_rng(0)
    shared = rng.normal(scale=0.05, size=n_seeds)
    rows = [
        {"norm": norm, "width": width, "seed": seed}
        | {"acc": 0.6 + 0.1 * (norm == "batch") + shared[seed] + rng.normal(scale=0.0002)}
        for norm in ("none", "batch")
        for width in (50, 100)
        for seed in range(n_seeds)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_csv("sweep.csv", index=False)
    return tmp_path


def ready(source, *, name="", asked=None):
    """The folder that the report would be built in, and what was taken."""
    place = ReportPlace(source, None, "sqlite:///mlflow.db", name, Path("reports"))
    return prepare(place, asked or ImportOptions(), command_line=f"ablate analyze {source}")


def test_a_table_becomes_a_report_without_the_libraries_that_train(folder):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TRAINING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Read as: factors norm, width (--factors); score acc, higher is better" in said
    assert "Norm matters most: batch helps by 10.0" in said
    assert "report reports/sweep/report.html" in said
    facts = json.loads((folder / "reports/sweep/provenance.json").read_text())
    assert (facts["source"], facts["study"], facts["command"]) == ("sweep.csv", "sweep", "ablate analyze sweep.csv")
    effects = pd.read_csv(folder / "reports/sweep/effects.csv").set_index("variant")
    assert effects.loc["norm=batch", "mean"] == pytest.approx(0.1, abs=0.005)
    assert effects.loc["norm=batch", "verdict"] == "helps"


def test_the_same_name_is_written_again_but_never_over_a_study(folder):
    study = folder / "reports" / "sweep"
    study.mkdir(parents=True)
    table().assign(trial="t", phase="search").to_csv(study / "results.csv")
    with pytest.raises(AblateError, match=r"reports/sweep: holds the results of a study\n  give .* --name"):
        ready("sweep.csv")
    with pytest.raises(AblateError, match="--name a/b: must have letters"):
        ready("sweep.csv", name="a/b")
    ready("sweep.csv", name="mine")
    again, notes = ready("sweep.csv", name="mine", asked=ImportOptions(reference="norm=batch,width=50"))
    assert "Reference: norm=batch, width=50." in notes
    assert read_results(again / "results.csv").query("variant == 'reference'")["norm"].unique().tolist() == ["batch"]


def test_a_report_on_another_file_of_the_same_name_is_never_replaced(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        table().to_csv(folder / name / "runs.csv", index=False)
    written, _ = ready("a/runs.csv")
    before = (written / "provenance.json").read_text()
    assert str(folder) not in before  # reports are mailed
    for source, name in (("b/runs.csv", ""), ("b/runs.csv", "runs"), ("sweep.csv", "runs")):
        with pytest.raises(AblateError, match=r"reports/runs: holds the report of another source, .*\n  .* --name"):
            ready(source, name=name)
    assert (written / "provenance.json").read_text() == before
    assert ready("b/runs.csv", name="b-runs")[0].name == "b-runs"
    table(n_seeds=7).to_csv("a/runs.csv", index=False)
    for source in ("a/runs.csv", str(folder / "a" / "runs.csv"), "b/../a/runs.csv"):  # the same file, with new runs
        ready(source)
    assert read_results(written / "results.csv")["seed"].nunique() == 7
    (folder / "project").mkdir()
    for moved in ("a", "reports"):
        (folder / moved).rename(folder / "project" / moved)
    os.chdir(folder / "project")
    ready("a/runs.csv")


@pytest.mark.usefixtures("folder")
def test_a_report_without_the_source_s_id_is_told_by_its_name():
    written, _ = ready("sweep.csv", name="mine")
    facts = json.loads((written / "provenance.json").read_text())
    (written / "provenance.json").write_text(json.dumps({k: v for k, v in facts.items() if k != "source_id"}))
    table().to_csv("other.csv", index=False)
    with pytest.raises(AblateError, match=r"another source, sweep\.csv"):
        ready("other.csv", name="mine")
    ready("sweep.csv", name="mine")


def test_a_page_of_somebody_s_own_is_never_written_over(folder):
    mine = folder / "reports" / "sweep" / "report.html"
    mine.parent.mkdir(parents=True)
    mine.write_text("<html>mine</html>")
    with pytest.raises(AblateError, match=r"reports/sweep: holds report\.html, which ablate did not write"):
        ready("sweep.csv")
    assert [path.name for path in mine.parent.iterdir()] == ["report.html"]
    assert mine.read_text() == "<html>mine</html>"


@pytest.mark.usefixtures("folder")
def test_a_results_table_of_our_own_needs_no_options_and_keeps_what_is_known_of_it():
    first, _ = ready("sweep.csv")
    (first / "study.toml").write_text('title = "Mine"')
    in_place, notes = ready("reports/sweep/results.csv")
    assert (in_place, notes) == (first, ["This is a results table of ablate, so its columns are known."])
    copy, _ = ready("reports/sweep/results.csv", name="copy")
    for name in ("results.csv", "study.toml"):
        assert (copy / name).read_bytes() == (first / name).read_bytes()
    facts, former = (json.loads((at / "provenance.json").read_text()) for at in (copy, first))
    assert facts.pop("source_id") != former.pop("source_id")
    assert facts == {**former, "source": "reports/sweep/results.csv"}
    assert ready("reports/sweep/results.csv", name="copy")[0] == copy


def test_the_command_line_hands_over_what_was_asked(folder):
    arguments = ["analyze", "sweep.csv", "--factors", "norm, width", "--score", "acc", "--seed", "seed", "--direction",
                 "minimize", "--margin", "0.02", "--name", "asked", "--target", "norm=none", "--chance", "0.9",
                 "--missing", "drop"]  # fmt: skip
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    facts = json.loads((folder / "reports/asked/provenance.json").read_text())
    assert facts["metric"] == {"name": "acc", "direction": "minimize", "unit": "", "scale": 1, "margin": 0.02} | {
        "chance": -0.9
    }
    assert facts["target"]["norm"] == "none"
    assert facts["factors"] == ["norm", "width"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--states", "meh=done"], "--states: must be"),
        (["--states", "meh=failed"], "--states: no column says how runs ended"),
        (["--state", "no"], 'no column "no"'),
        (["--seed", "seed,no"], 'no column "no"'),
        (["--ignore", "no"], 'no column "no"'),
        (["--missing", "maybe"], '--missing: must be "count" or "drop", got "maybe"'),
        (["--chance", "nan"], "--chance: must be a finite number"),
        (["--chance", "10"], "--chance 10: guessing would be better than every finished run"),
        (["--margin", "0.5"], "write 0.005 for 0.5 points, or add --unit fraction if you mean 50"),
    ],
)
def test_options_on_what_is_not_there_are_refused(options, message):
    done = CliRunner().invoke(app, ["analyze", "sweep.csv", *options])
    assert isinstance(done.exception, AblateError)
    assert message in str(done.exception)


def test_a_word_for_how_runs_ended_is_said_on_the_command_line(folder):
    table().assign(result=["banana"] * 2 + ["good"] * 22).to_csv("sweep.csv", index=False)
    made, notes = ready("sweep.csv", asked=ImportOptions(state="result", states="banana=failed,good=finished"))
    assert "state result (banana = failed, good = finished) (--state, --states)" in notes[0]
    results = read_results(made / "results.csv")
    assert results[results["design"] == "factorial"]["state"].value_counts().to_dict() == {"finished": 22, "failed": 2}
    facts = json.loads((folder / made / "provenance.json").read_text())
    assert facts["notes"][0] == notes[0].removesuffix(".")


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["", "seed"])
def test_the_table_of_protein_yields_the_golden_numbers(tmp_path, monkeypatch, seed):
    """62,208 networks, by their means and, with a row a seed, 248,832 runs; log10 of the loss, lower is better."""
    monkeypatch.chdir(tmp_path)
    runs = fcnet.protein().rename(columns={"score": "log10_loss"})
    runs["log10_loss"] *= -1
    if not seed:
        runs = runs.groupby(list(fcnet.FACTORS), sort=False, as_index=False)["log10_loss"].mean()
    runs.to_csv("protein.csv", index=False)
    reference = ",".join(f"{name}={level}" for name, level in fcnet.REFERENCE.items())
    built, _ = ready("protein.csv", asked=ImportOptions(score="log10_loss", reference=reference))
    build_report(built)
    tables = tmp_path / "reports" / "protein" / "tables"
    facts = json.loads((tables.parent / "provenance.json").read_text())
    assert facts["target"] == fcnet.TARGET
    assert facts["factors"] == list(fcnet.FACTORS)
    worth = pd.read_csv(tables / "directions-factorial.csv").set_index("factor")
    shares = pd.read_csv(tables / "anova.csv").set_index("term")["share"]
    path = pd.read_csv(tables / "path.csv").query("direction == 'forward' and chosen and step > 0").set_index("factor")
    for name, (leave_one_out, add_one_in, shapley, step, position, share) in fcnet.GOLDEN.items():
        assert worth.loc[name, "leave_one_out"] == pytest.approx(leave_one_out, abs=1e-5)
        assert worth.loc[name, "add_one_in"] == pytest.approx(-add_one_in, abs=1e-5)  # a gain is a lower loss
        assert worth.loc[name, "shapley"] == pytest.approx(-shapley, abs=1e-5)
        assert path.loc[name, "gain"] == pytest.approx(-step, abs=1e-5)
        assert path.loc[name, "step"] == position
        assert shares[name] == pytest.approx(share, abs=5e-5)
    assert worth["shapley"].sum() == pytest.approx(0.36874, abs=1e-5)


@pytest.mark.usefixtures("folder")
def test_names_that_no_folder_could_have_give_safe_ones():
    for source, made in (
        ("con.csv", "_con"),
        ("日" * 80 + ".csv", "日" * 73),
        ("...csv", "table"),
        ("<b> \n.csv", "b"),
    ):
        table().to_csv(source, index=False)
        assert ready(source)[0] == Path("reports") / made
    with pytest.raises(AblateError, match=r"--name con: must have letters, .*, and must not be a Windows device"):
        ready("con.csv", name="con")


@pytest.mark.usefixtures("folder")
def test_damaged_facts_beside_a_table_of_our_own_are_left_behind():
    first, _ = ready("sweep.csv")
    for damaged in ("[1]", "3", "[" * 100_000, '{"source": '):
        (first / "provenance.json").write_text(damaged)
        copy, _ = ready("reports/sweep/results.csv", name="copy")
        facts = json.loads((copy / "provenance.json").read_text())
        assert facts.keys() == {"study", "source", "source_id"}
        assert (facts["study"], facts["source"]) == ("copy", "reports/sweep/results.csv")


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(folder):
    (folder / "file").touch()
    done = CliRunner().invoke(app, ["analyze", "sweep.csv", "--out", "file"])
    assert isinstance(done.exception, AblateError)
    assert str(done.exception).startswith("file: cannot be written: ")


def test_titles_of_studies_are_no_markup_in_the_list(folder):
    (folder / "studies").mkdir()
    (folder / "studies" / "mine.toml").write_text('title = "[/b] [red]x :smile:"\n')
    done = CliRunner().invoke(app, ["list"], catch_exceptions=False)
    assert "[/b] [red]x :smile:" in done.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["x" * 10_000, "../x", "\x1b[2J", "a\nb", "<b>", "日" * 300])
def test_a_report_of_no_name_there_is_is_refused_in_two_lines(name):
    done = CliRunner().invoke(app, ["report", name])
    assert isinstance(done.exception, AblateError)
    assert str(done.exception).count("\n") == 1
    assert len(str(done.exception)) < 1_000


@pytest.mark.usefixtures("folder")
def test_a_table_that_only_has_the_columns_of_a_results_table_is_read_as_another_tool_s():
    words = table().rename(columns={"norm": "variant", "width": "level", "acc": "score"})
    words = words.assign(trial=range(len(words)), phase="main", factor="x", state="done")
    words.to_csv("mine.csv", index=False)
    made, notes = ready("mine.csv")
    assert notes[0].startswith("Read as: factors variant, level (--factors); score score, higher is better")
    assert build_report(made).headline[0].startswith("Variant matters most: batch helps by")
