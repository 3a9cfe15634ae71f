import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ablate.experiment.events import Notice, Opened, PartBegan, ReportWritten, Stopping, TrialBegan, TrialEnded
from ablate.experiment.living import FIRST, LivingReport, Rewriting, WhatIsLeft, about
from ablate.experiment.options import Options
from ablate.experiment.run_study import run_study
from ablate.plans import TrialCount
from ablate.storage.facts import Facts
from ablate.study.trial import Label, Outcome, TrialSpec

SPEC = TrialSpec("search-0001", Label("search", number=1), 0, {"optimizer": "adam", "learning_rate": "find"})
AT_ONCE = Rewriting(seconds=0.01, share=1.0)
SOON = 20.0  # seconds in which a thread must have done what it is waited for


@pytest.fixture
def facts(tiny_study, digits) -> Facts:
    return Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///mlflow.db", "2026-11-21")


def until(is_so) -> bool:
    end = time.monotonic() + SOON
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


class Ticking:
    """A clock that goes on only while someone waits or works, and ends the waiting after a day."""

    def __init__(self):
        self.at, self._end = 0.0, 86_400.0

    def __call__(self) -> float:
        return self.at

    def is_set(self) -> bool:
        return self.at >= self._end

    def wait(self, seconds: float) -> None:
        self.at += seconds


def test_the_page_is_written_each_minute_and_the_trials_are_read_in_a_hundredth_of_the_time(
    facts, tmp_path, monkeypatch
):
    clock, written, read = Ticking(), [], []

    def write(*_, **__):
        clock.at += 0.05
        written.append(clock.at)
        return tmp_path / "report.html"

    def tables(_):
        clock.at += 7.0
        read.append(clock.at)

    monkeypatch.setattr("ablate.experiment.living.page.write_running_page", write)
    monkeypatch.setattr("ablate.experiment.living.page.read_so_far", lambda *_, **__: None)
    living = LivingReport(facts, tmp_path, lambda _: None, rewriting=Rewriting(), now=clock)
    monkeypatch.setattr(living, "_over", clock)
    living._rewrite(tables, Rewriting())
    assert written[0] == pytest.approx(0.05)  # as soon as a trial has begun
    assert min(later - earlier for earlier, later in pairwise(written)) >= 60
    assert len(written) > 1200
    assert read[0] >= 100 * FIRST
    assert 0.008 < (7.0 * len(read) + 0.05 * len(written)) / clock.at <= 0.01


def test_a_page_that_is_slow_to_write_is_written_less_often(facts, tmp_path, monkeypatch):
    clock, written = Ticking(), []

    def write(*_, **__):
        clock.at += 3.0
        written.append(clock.at)
        return tmp_path / "report.html"

    monkeypatch.setattr("ablate.experiment.living.page.write_running_page", write)
    monkeypatch.setattr("ablate.experiment.living.page.read_so_far", lambda *_, **__: None)
    living = LivingReport(facts, tmp_path, lambda _: None, rewriting=Rewriting(), now=clock)
    monkeypatch.setattr(living, "_over", clock)
    living._rewrite(lambda _: None, Rewriting())
    assert 200 < len(written) <= 288 + 1  # 3 s in 300


def test_a_page_that_cannot_be_made_is_said_once_and_the_study_goes_on(facts, tmp_path):
    events, tried = [], []

    def broken(_):
        tried.append(1)
        raise RuntimeError("no such\nluck")

    living = LivingReport(facts, tmp_path, events.append, rewriting=Rewriting(seconds=0.01, share=100 * FIRST))
    with living.fed_by(broken):
        living(TrialBegan(SPEC))
        assert until(lambda: any(isinstance(event, Notice) for event in events))
        living(TrialEnded(SPEC, Outcome("search-0001", "finished", score=0.5)))
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "not rewritten any more until the study has ended: no such" in notice.text
    assert len(tried) == 1
    assert isinstance(events[-1], TrialEnded)
    assert "Running" in (tmp_path / "report.html").read_text()  # the first one stays


@pytest.mark.parametrize("rewriting", [None, AT_ONCE])
def test_without_a_trial_or_without_leave_no_page_is_written(facts, tmp_path, rewriting):
    living = LivingReport(facts, tmp_path, lambda _: None, rewriting=rewriting)
    with living.fed_by(lambda _: None):
        if rewriting is None:
            living(TrialBegan(SPEC))
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_is_said_part_by_part(facts, tmp_path):
    left = WhatIsLeft()
    assert left.said() == "The workers are starting."
    left.take(Opened(facts, tmp_path, {"search": TrialCount(4, 4), "ablation": TrialCount(8, 12)}))
    assert [bar.said for bar in left.bars()] == ["0 of 4 trials", "0 of 8 to 12 trials"]
    left.take(PartBegan("search", 4, 1, None))
    left.take(TrialEnded(SPEC, Outcome("search-0001", "finished", score=0.5)))
    assert left.said() == "Search: 2 of 4 trials are done. Then: comparisons (8 to 12 trials)."
    left.take(PartBegan("ablation", 8, 0, None))
    assert left.said() == "Comparisons: 0 of 8 trials are done."
    assert [(bar.name, bar.done, bar.of) for bar in left.bars()] == [("Search", 2, 4), ("Comparisons", 0, 8)]
    left.take(Stopping())
    assert "A stop was asked for" in left.said()


def test_a_part_that_this_run_passes_over_has_no_bar(facts, tmp_path):
    left = WhatIsLeft()
    left.take(Opened(facts, tmp_path, {"search": TrialCount(4, 4), "ablation": TrialCount(8, 8)}))
    left.take(PartBegan("ablation", 8, 0, None))
    assert [bar.name for bar in left.bars()] == ["Comparisons"]


def test_times_to_wait_are_rounded_to_what_is_known():
    seconds = (10, 61, 250, 2 * 3600, 9000, 70 * 3600)
    assert [about(one) for one in seconds] == [
        "less than a minute", "about 1 minute", "about 4 minutes", "about 2 hours", "about 2.5 hours", "about 3 days",
    ]  # fmt: skip


def test_a_running_study_has_a_page_without_an_answer_and_ends_with_the_report(tiny_study, tmp_path):
    pages: list[str] = []

    def look(event):
        if isinstance(event, ReportWritten):
            pages.append(event.path.read_text())

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    options = Options(tmp_path / "reports", store, "ablate study tiny", workers=2)
    done = run_study(tiny_study, replace(options, rewriting=AT_ONCE), look)
    assert len(pages) >= 2
    assert all("No answer yet" in page and "◌ Running" in page for page in pages)
    numbers = [[int(n) for n in re.findall(r'<progress[^>]* value="(\d+)"', page)] for page in pages]
    assert numbers == sorted(numbers, key=sum)  # it only ever goes on
    assert any("Search history" in page for page in pages)
    report = done.report.html.read_text()
    assert "Running" not in report
    assert "<progress" not in report
    assert done.ending.complete
    kept = {path.name for path in Path(done.folder.path).iterdir()}
    assert {"results.csv", "report.html"} < kept
    assert not [name for name in kept if name.startswith("ablate-report-")]


def test_a_study_of_which_nothing_is_left_keeps_its_report_untouched_until_the_end(tiny_study, tmp_path):
    store, written = f"sqlite:///{tmp_path / 'mlflow.db'}", []
    options = replace(Options(tmp_path / "reports", store, "ablate study tiny", workers=2), rewriting=AT_ONCE)
    ablation = tiny_study.ablation.model_copy(update={"seeds": 1})
    study = tiny_study.model_copy(update={"ablation": ablation})
    run_study(study, replace(options, only="search"), lambda _: None)
    run_study(study, replace(options, only="search"), written.append)
    assert not [event for event in written if isinstance(event, ReportWritten)]
