"""A result reads a folder, says what the report says, and shows itself in a notebook."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import ablate
from ablate.errors import AblateError
from ablate.interface import running
from ablate.interface.display.suitable import Quiet
from ablate.interface.reading import find_folder, rebuild
from ablate.interface.running import run_here, to_options
from ablate.report import build_report
from ablate.report.card import result_card

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from synthetic import HOSTILE, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_study(tmp_path_factory.mktemp("results") / "houses")


def test_tables_are_those_of_the_files(folder):
    result = ablate.read(folder)
    built = build_report(folder)
    assert result.headline == list(built.headline)
    assert result.report == built.html
    assert list(result.effects["variant"]) == list(pd.read_csv(built.effects_csv)["variant"])
    assert result.effects["mean"].tolist() == pytest.approx(pd.read_csv(built.effects_csv)["mean"].tolist())
    assert len(result.runs) == len(pd.read_csv(folder / "results.csv"))
    assert len(result.epochs) == len(pd.read_csv(folder / "epochs.csv"))
    assert set(result.importances["factor"]) <= set(result.runs.columns)
    assert set(result.checklist.columns) == {"check", "passed", "why"}
    assert result.figures == [path.stem for path in built.figures]


def test_changing_a_table_changes_no_result(folder):
    result = ablate.read(folder)
    del result.runs["score"], result.effects["mean"]
    assert "score" in result.runs
    assert "mean" in result.effects


@pytest.mark.parametrize("name", ["effects", "curves", "rates", "search"])
def test_figures_are_found_by_name(folder, name):
    from matplotlib.figure import Figure

    assert isinstance(ablate.read(folder).plot(name), Figure)


def test_an_unknown_figure_is_said_with_those_that_there_are(folder):
    with pytest.raises(AblateError, match=r"(?s)has no figure efects\n  known: .*search.*did you mean .effects.\?"):
        ablate.read(folder).plot("efects")


def test_a_notebook_shows_the_answer_the_checks_and_the_figure_and_no_markup_of_the_users(folder):
    html = ablate.read(folder)._repr_html_()
    assert "normalization batch helps by" in html.replace("\N{NO-BREAK SPACE}", " ")
    assert "data:image/svg+xml;base64," in html
    assert "<strong>Enough seeds.</strong>" in html
    assert HOSTILE not in html
    assert "<script" not in html
    assert len(html) < 200_000


def test_a_result_prints_its_answer_and_where_its_report_is(folder):
    said = repr(ablate.read(folder)).splitlines()
    assert said[0].startswith("The largest effect shown")
    assert said[-1] == f"report   {folder / 'report.html'}"


def test_a_folder_without_results_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AblateError, match=r"houses: no results.csv in reports/houses\n  available results: none yet"):
        ablate.read("houses")
    write_study(tmp_path / "reports" / "houses", bare=True)
    assert ablate.read("houses").folder == find_folder("houses", Path("reports")) == Path("reports/houses")
    assert rebuild(Path("reports/houses")).report.is_file()


def test_without_a_kept_model_the_way_out_is_said(folder):
    with pytest.raises(AblateError, match=r"no model was kept\n  set training.keep"):
        ablate.read(folder).best_model()


def test_a_card_without_effects_has_the_words_alone(tmp_path):
    write_study(tmp_path / "one", bare=True)
    table = pd.read_csv(tmp_path / "one" / "results.csv")
    table[table["phase"] == "search"].to_csv(tmp_path / "one" / "results.csv", index=False)
    result = ablate.read(tmp_path / "one")
    assert "no ablation results yet" in result.headline[0]
    assert "<img" not in result_card(result._page)


STUDY = SimpleNamespace(data_sets={})  # one that runs on one data set


def finished(folder, *, interrupted=False, gave_up="", states=None, missing=0):
    return SimpleNamespace(
        ending=SimpleNamespace(interrupted=interrupted, gave_up=gave_up),
        folder=SimpleNamespace(path=folder),
        facts=SimpleNamespace(label="houses"),
        states=states or {"finished": 3},
        notes=["selu asks for lecun_normal"],
        set_aside=None,
        missing_runs=missing,
        tracker_failure="no answer",
    )


def options():
    return to_options(workers=None, out="reports", data_dir=None)


def test_an_interrupted_study_raises_keyboard_interrupt_that_says_that_the_call_goes_on(folder, monkeypatch):
    monkeypatch.setattr(running, "run_study", lambda *_: finished(folder, interrupted=True))
    with pytest.raises(KeyboardInterrupt, match=r"houses is saved in .*: the same call goes on") as caught:
        run_here(STUDY, options(), progress=False)
    assert type(caught.value) is KeyboardInterrupt  # a script has the exit status of an interrupted one by it alone
    monkeypatch.setattr(running, "run_study", lambda *_: finished(folder, interrupted=False))
    assert run_here(STUDY, options(), progress=False).folder == folder


def test_a_study_without_a_usable_result_is_an_error_that_names_the_way_out(folder, monkeypatch):
    for ended, said in (
        (finished(folder, gave_up="5 trials failed alike"), "houses: 5 trials failed alike\n"),
        (finished(folder, states={"diverged": 2}), "houses: No trial finished: 2 diverged.\n"),
    ):
        monkeypatch.setattr(running, "run_study", lambda *_, ended=ended: ended)
        with pytest.raises(AblateError) as caught:
            run_here(STUDY, options(), progress=False)
        assert str(caught.value).startswith(said)
        assert "mend the cause, then use --retry" in str(caught.value)


def test_what_a_user_should_know_besides_the_answer_is_in_the_notes(folder, monkeypatch):
    monkeypatch.setattr(running, "run_study", lambda *_: finished(folder, missing=2))
    result = run_here(STUDY, options(), progress=False)
    assert result.notes[0] == "selu asks for lecun_normal."
    assert "MLflow lacks 2 of the study's runs (no answer)" in result.notes[1]
    assert "Note: selu asks for lecun_normal." in repr(result)


def test_the_display_is_closed_whatever_happens(monkeypatch):
    closed = []

    class Watched:
        def __call__(self, event):
            raise AssertionError(event)

        def close(self):
            closed.append(True)

    def fail(*_):
        raise AblateError("no")

    monkeypatch.setattr(running, "run_study", fail)
    with pytest.raises(AblateError):
        running.run_shown(STUDY, options(), Watched())
    assert closed == [True]
    Quiet()(None)
    Quiet().close()


def test_the_address_of_the_store_is_the_environments_unless_it_is_given(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there")
    assert options().tracking_uri == "http://there"
    assert to_options(workers=2, out="x", data_dir=None, tracking_uri="sqlite:///a.db").tracking_uri == "sqlite:///a.db"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert options().tracking_uri == "sqlite:///mlflow.db"
