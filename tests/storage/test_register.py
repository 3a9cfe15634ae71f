from dataclasses import replace
from itertools import product

import pytest
from tested_cells import CARRIED, FACTORS, REFERENCE, SPECS, VARIANT, changed

from ablate.storage.facts import Facts
from ablate.storage.preregistration import declare, freeze
from ablate.storage.reads import ScoreReads
from ablate.storage.register import Register, contrast_keys
from ablate.study.model_ref import ModelRef
from ablate.study.trial import Label, Outcome

WIDER = replace(
    VARIANT,
    trial="w",
    label=replace(VARIANT.label, variant="dropout=0.3", level="0.3"),
    factors={**FACTORS, "dropout": 0.3},
)


@pytest.fixture
def facts(tiny_study, digits) -> Facts:
    return Facts(with_seeds(tiny_study, 6), digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///m.db", "2026-11-21")


def with_seeds(study, seeds):
    return study.model_copy(update={"ablation": study.ablation.model_copy(update={"seeds": seeds})})


class Beside:
    """Studies in one results folder."""

    def __init__(self, folder, facts):
        self.folder, self._facts = folder, facts
        self.register = Register(folder / ".cache")

    def facts(self, label, seeds=6, **changes):
        facts = replace(self._facts, label=label, **changes)
        return replace(facts, study=with_seeds(facts.study, seeds))

    def declared(self, specs, facts):
        return declare(specs, facts.study, data="f00", looks=(facts.study.ablation.seeds,))

    def freeze(self, label, specs, *, seeds=6, read=True, **changes):
        """A study that was preregistered and, if `read`, has read a score."""
        facts = self.facts(label, seeds, **changes)
        frozen = freeze(self.folder / label, self.declared(specs, facts))
        self.register.add(frozen, facts)
        if read:
            spec = replace(specs[0], frozen=frozen.digest)
            ScoreReads(self.folder / ".cache", facts).stamp(
                spec, Outcome("r", "finished", metrics={"test_accuracy": 0.9})
            )
        return frozen

    def before(self, label, specs, seeds=6, **changes):
        facts = self.facts(label, seeds, **changes)
        return [entry.study for entry in self.register.earlier(self.declared(specs, facts), facts)]


@pytest.fixture
def beside(tmp_path, facts) -> Beside:
    return Beside(tmp_path, facts)


def test_a_study_that_shares_a_comparison_finds_the_preregistrations_before_it(beside):
    beside.freeze("first", [REFERENCE, VARIANT, WIDER])
    assert beside.before("second", [REFERENCE, VARIANT], seeds=8) == ["first"]
    beside.freeze("second", [REFERENCE, VARIANT], seeds=8)
    assert sorted(beside.before("third", [REFERENCE, VARIANT], seeds=10)) == ["first", "second"]
    assert beside.before("fourth", [REFERENCE, WIDER], seeds=10) == ["first"]
    other = replace(WIDER, factors={**FACTORS, "dropout": 0.4})
    assert beside.before("fifth", [REFERENCE, other]) == []


def test_an_equal_study_under_any_name_is_no_later_one_and_finds_itself(beside):
    frozen = beside.freeze("first", [REFERENCE, VARIANT])
    assert beside.before("renamed", [REFERENCE, VARIANT]) == []
    facts = beside.facts("renamed")
    same = beside.register.same(beside.declared([REFERENCE, VARIANT], facts), facts)
    assert (same.at, same.level, same.earlier, same.digest) == (frozen.at, 0.05, (), frozen.digest)
    spent = beside.declared([REFERENCE, VARIANT], facts).at_level(0.0125, [("x", "y")])
    assert beside.register.same(spent, facts) == same  # the level makes no other study
    longer = facts.study.training.model_copy(update={"epochs": 99})
    trained = replace(facts, study=facts.study.model_copy(update={"training": longer}))
    assert beside.register.same(beside.declared([REFERENCE, VARIANT], trained), trained) is None
    assert [
        entry.study for entry in beside.register.earlier(beside.declared([VARIANT, REFERENCE], trained), trained)
    ] == ["first"]


def test_a_preregistration_that_could_claim_nothing_does_not_count(beside):
    beside.freeze("few", [REFERENCE, VARIANT], seeds=5)
    assert beside.before("second", [REFERENCE, VARIANT]) == []
    beside.freeze("enough", [REFERENCE, VARIANT], seeds=7)
    assert beside.before("second", [REFERENCE, VARIANT]) == ["enough"]


def test_one_whose_scores_nobody_read_counts_only_while_its_study_may_go_on(beside):
    beside.freeze("first", [REFERENCE, VARIANT], read=False)
    assert beside.before("second", [REFERENCE, VARIANT], seeds=8) == ["first"]
    (beside.folder / "first").rename(beside.folder / "first~2026-11-30")  # as --fresh does
    assert beside.before("second", [REFERENCE, VARIANT], seeds=8) == []


def test_one_that_was_read_counts_without_its_folder(beside):
    beside.freeze("first", [REFERENCE, VARIANT])
    (beside.folder / "first").rename(beside.folder / "first~2026-11-30")
    assert beside.before("first", [REFERENCE, VARIANT], seeds=8) == ["first"]


def test_a_file_that_is_no_entry_is_skipped(beside):
    beside.freeze("first", [REFERENCE, VARIANT])
    (beside.folder / ".cache" / "preregistered" / "x.json").write_text("{}")
    assert [entry.study for entry in beside.register.entries()] == ["first"]


@pytest.fixture
def keys(facts):
    def keys(*specs, **changes):
        changed_facts = replace(facts, **changes)
        return set(contrast_keys(declare(specs, changed_facts.study, data="f00"), changed_facts))

    return keys


def test_a_comparison_is_its_data_model_and_two_configurations_and_neither_names_nor_rates(keys, facts):
    (key,) = keys(REFERENCE, VARIANT)
    assert keys(REFERENCE, VARIANT, CARRIED) == {key}  # another rate is the same question
    assert keys(REFERENCE, replace(VARIANT, factors={**VARIANT.factors, "learning_rate": 0.1})) == {key}
    swapped = [
        replace(REFERENCE, factors=VARIANT.factors),
        replace(VARIANT, label=replace(VARIANT.label, variant="dropout=0.0"), factors=FACTORS),
    ]
    assert keys(*swapped) == {key}
    longer = facts.study.training.model_copy(update={"epochs": 99})
    assert keys(REFERENCE, VARIANT, study=facts.study.model_copy(update={"training": longer, "seed": 7})) == {key}
    assert keys(REFERENCE, VARIANT, data=replace(facts.data, digest="0" * 64)) != {key}
    deeper = replace(facts.study.model, options={"depth": 9})
    assert keys(REFERENCE, VARIANT, study=facts.study.model_copy(update={"model": deeper})) != {key}
    own = facts.study.model_copy(update={"model": ModelRef.of("lost.py:build")})  # code of which there is no digest
    assert len(keys(REFERENCE, VARIANT, study=own)) == 1


def test_learning_rates_are_the_comparison_where_nothing_else_differs(keys):
    label = Label("ablation", "learning_rate=0.1", "learning_rate", "0.1", "carry", "one-factor", "reference")
    faster = replace(REFERENCE, trial="f", label=label, factors={**FACTORS, "learning_rate": 0.1})
    slower = replace(faster, label=replace(label, variant="slow"), factors={**FACTORS, "learning_rate": 0.01})
    assert len(keys(REFERENCE, faster, slower)) == 2


def test_a_factorial_compares_every_pair_that_differs_in_one_factor(keys):
    label = Label("ablation", "cell", mode="find", design="factorial")
    cells = [
        replace(REFERENCE, label=replace(label, variant=f"{a}{b}"), factors={**FACTORS, "dropout": a, "width": b})
        for a, b in product((0.0, 0.1), (16, 32))
    ]
    assert len(keys(*cells)) == 4  # the edges of the square
    wide = {**FACTORS, "width": 16}
    alone = [replace(REFERENCE, factors=wide), replace(VARIANT, factors={**wide, "dropout": 0.1})]
    assert keys(*alone) < keys(*cells)


def test_cells_without_a_comparison_have_no_key(keys):
    assert keys(REFERENCE) == set()
    assert keys(*[changed(spec, against="", design="one-factor") for spec in SPECS[:1]]) == set()
