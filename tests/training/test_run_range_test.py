import json
import math
import re
from dataclasses import replace
from unittest.mock import ANY

import pytest

from ablate.clock import Clock
from ablate.study.seeds import range_test
from ablate.study.settings import LrTest
from ablate.study.trial import RateTest
from ablate.training.range_test import average_curves
from ablate.training.run_range_test import RateFinder

TEST = RateTest("abc123", (1e-3,), (2.0,), {"steepest": 1e-3}, 1e-3, "determined", "", 0.5)


def test_a_test_is_run_once_and_kept_in_memory_and_on_disk(context, tiny_study, tmp_path):
    clock, finder = Clock(), RateFinder(context, cache=tmp_path)
    first = finder.find(tiny_study.baseline, clock, replicate=0)
    assert finder.find(tiny_study.baseline, clock, replicate=0) is first
    spent = clock.seconds["lr_test"]
    again = RateFinder(context, cache=tmp_path).find(tiny_study.baseline, clock, replicate=0)
    assert again == first
    assert clock.seconds["lr_test"] == spent
    assert json.loads((tmp_path / f"{first.key}.json").read_text())["suggestion"] == first.suggestion


def test_the_key_covers_what_the_test_depends_on_and_not_the_rate(context, tiny_study, monkeypatch):
    finder = RateFinder(context, cache=None)
    key = finder.key(tiny_study.baseline, replicate=0)
    assert key == finder.key({**tiny_study.baseline, "learning_rate": 0.5}, replicate=0)
    for change in ({"optimizer": "sgd"}, {"initializer": "lecun_normal"}, {"dropout": 0.1}):
        assert key != finder.key({**tiny_study.baseline, **change}, replicate=0)
    assert key != finder.key(tiny_study.baseline, replicate=1)
    training = tiny_study.training.model_copy(update={"loss": "mse"})
    monkeypatch.setattr(context, "study", tiny_study.model_copy(update={"training": training}))
    assert key != finder.key(tiny_study.baseline, replicate=0)


def test_the_curve_descends_on_digits_and_the_rate_trains(context, tiny_study):
    test = RateFinder(context, cache=None).find(tiny_study.baseline, Clock(), replicate=0)
    assert test.verdict == "determined"
    assert 1e-4 < test.suggestion < 1e-1
    assert min(test.losses) < 0.5 * test.losses[0]
    assert len(test.losses) == len(test.rates)
    assert test.rates[0] == pytest.approx(tiny_study.lr_test.low, rel=1e-5)


def test_replicates_differ_and_their_mean_is_what_is_read(context, tiny_study):
    finder = RateFinder(context, cache=None)
    factors = tiny_study.baseline
    split = context.split(0, factors)
    ramp = context.ramp
    one, two = (finder._curves(factors, split, [1_000_000 + i], Clock(), ramp=ramp, size=1)[0] for i in (0, 1))
    assert (one[:5] != two[:5]).all()


def test_a_test_of_short_trials_is_short_and_has_a_key_of_its_own(context, tiny_study, monkeypatch):
    whole = RateFinder(context, cache=None).find(tiny_study.baseline, Clock(), replicate=0)
    monkeypatch.setattr(context, "study", tiny_study.model_copy(update={"lr_test": LrTest()}))
    short = RateFinder(context, cache=None).find(tiny_study.baseline, Clock(), replicate=0)
    assert short.rates[8] == pytest.approx(1e-5)  # a ramp of 57 steps, of 60 in three epochs
    assert whole.key != short.key
    assert whole.rates[25] == pytest.approx(1e-5)
    assert abs(math.log10(whole.suggestion / short.suggestion)) < 0.5


def test_further_curves_that_end_where_the_first_diverges_give_the_average_of_whole_curves(
    context, tiny_study, monkeypatch
):
    factors = {**tiny_study.baseline, "optimizer": "sgd"}  # diverges on the ramp
    monkeypatch.setattr(context, "study", tiny_study.model_copy(update={"lr_test": LrTest(share=99.0)}))
    finder, split = RateFinder(context, cache=None), context.split(0, factors)
    seeds = range_test(0, 3)
    whole = [finder._curves(factors, split, [seed], Clock(), ramp=context.ramp, size=1)[0] for seed in seeds]
    lengths, run = [], finder._curves
    monkeypatch.setattr(finder, "_curves", lambda *some, **how: lengths.append(len(how["ramp"])) or run(*some, **how))
    test = finder.find(factors, Clock(), replicate=0)
    assert test.losses == tuple(float(f"{loss:.5g}") for loss in average_curves(whole))
    assert lengths[0] == 176 > lengths[1] >= lengths[2] > len(test.losses)


def test_each_seed_finds_a_rate_of_its_own_so_that_luck_in_finding_it_is_in_the_intervals(context, tiny_study):
    finder = RateFinder(context, cache=None)
    first, second = (finder.find(tiny_study.baseline, Clock(), replicate=seed) for seed in (1, 2))
    assert first.key != second.key
    assert first.losses[:5] != second.losses[:5]
    assert finder.find(tiny_study.baseline, Clock(), replicate=1) == replace(first, seconds=ANY)


SPOILS = [
    lambda text: text[:-20],
    lambda _: "",
    lambda _: "null",
    lambda text: text.replace('"determined"', '"certain"'),
    lambda text: text.replace('"key": "', '"key": "0'),
    lambda text: text.replace('"rates": [', '"rates": [1.0, '),
    lambda text: re.sub('"suggestion": [^,]*', '"suggestion": NaN', text),
    lambda text: re.sub('"suggestion": [^,]*', '"suggestion": 0.0', text),
]


def test_a_damaged_or_foreign_file_counts_as_not_there_and_is_written_anew(context, tiny_study, tmp_path, monkeypatch):
    first = RateFinder(context, cache=tmp_path).find(tiny_study.baseline, Clock(), replicate=0)
    path = tmp_path / f"{first.key}.json"
    whole = path.read_text()
    monkeypatch.setattr(RateFinder, "_run", lambda *_, **__: replace(first, seconds=9.0))
    for spoil in SPOILS:
        spoilt = spoil(whole)
        assert spoilt != whole
        path.write_text(spoilt)
        again = RateFinder(context, cache=tmp_path).find(tiny_study.baseline, Clock(), replicate=0)
        assert again.seconds == 9.0
        assert json.loads(path.read_text())["seconds"] == 9.0


def test_a_cache_that_cannot_be_read_or_written_is_done_without(context, tiny_study, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    runs = []
    monkeypatch.setattr(RateFinder, "_run", lambda *_, **__: runs.append(1) or TEST)
    for _ in range(2):
        finder = RateFinder(context, cache=tmp_path / "file" / "lr_tests")
        assert finder.find(tiny_study.baseline, Clock(), replicate=0) == TEST
    assert len(runs) == 2


def test_a_test_in_parts_has_a_key_of_its_own(context, tiny_study):
    finder = RateFinder(context, cache=None)
    key = finder.key(tiny_study.baseline, replicate=0)
    assert finder.key(tiny_study.baseline, replicate=0, parts=2) == f"{key}-2-parts"
