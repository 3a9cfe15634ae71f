from dataclasses import replace

import pytest

from ablate.storage.facts import Facts
from ablate.storage.preregistration import Declaration, freeze
from ablate.storage.register_together import RegisterTogether

RULES = {"alpha": 0.05, "seeds": 6}


@pytest.fixture
def easy(tiny_study, digits) -> Facts:
    return Facts(tiny_study, digits, "two.easy", "ablate study two", 2, 1, "sqlite:///m.db", "2026-11-21")


def on(facts, digest) -> Facts:
    """The same study on other data."""
    return replace(facts, data=replace(facts.data, digest=digest))


def declared(*names) -> Declaration:
    return Declaration((), RULES | {"data_sets": {name: name for name in names}})


def test_a_study_on_some_of_the_data_sets_has_one_before_it_and_one_on_others_has_none(easy, tmp_path):
    register, five = RegisterTogether(tmp_path), declared("a", "b", "c")
    frozen = freeze(tmp_path, five, at="2026-11-30T10:00:00+00:00")
    register.add(frozen, [on(easy, name) for name in "abc"], label="five")
    (entry,) = register.earlier(declared("a", "d"), [on(easy, "a"), on(easy, "d")])
    assert (entry.study, entry.at, entry.level) == ("five", frozen.at, 0.05)
    assert register.earlier(declared("d", "e"), [on(easy, "d"), on(easy, "e")]) == []


def test_another_reference_or_other_levels_are_other_comparisons(easy, tmp_path):
    register = RegisterTogether(tmp_path)
    register.add(freeze(tmp_path, declared("a", "b")), [on(easy, "a"), on(easy, "b")], label="five")

    def n_earlier(**changes) -> int:
        facts = replace(on(easy, "a"), study=easy.study.model_copy(update=changes))
        return len(register.earlier(declared("a"), [facts]))

    assert n_earlier() == n_earlier(baseline={**easy.study.baseline, "learning_rate": 0.5}) == 1
    assert n_earlier(baseline={**easy.study.baseline, "dropout": 0.77}) == 0


def test_starting_an_equal_study_again_gives_it_the_time_of_its_first_start_at_whatever_level(easy, tmp_path):
    register, facts = RegisterTogether(tmp_path), [on(easy, "a"), on(easy, "b")]
    own = declared("a", "b")
    assert register.same(own, facts) is None
    frozen = freeze(tmp_path, own.at_level(0.0125, [("five", "2026-01-01")]), at="2026-11-30T10:00:00+00:00")
    register.add(frozen, facts, label="two")
    entry = register.same(own, facts)
    assert (entry.at, entry.level, entry.earlier) == (frozen.at, 0.0125, (("five", "2026-01-01"),))
    assert register.earlier(own, facts) == []
    longer = facts[0].study.model_copy(update={"training": facts[0].study.training.model_copy(update={"epochs": 77})})
    assert register.same(own, [replace(one, study=longer) for one in facts]) is None


def test_a_file_that_is_no_entry_is_skipped(easy, tmp_path):
    register = RegisterTogether(tmp_path)
    folder = tmp_path / "preregistered_together"
    folder.mkdir()
    (folder / "x.json").write_text("{")
    assert register.earlier(declared("a"), [on(easy, "a")]) == []
