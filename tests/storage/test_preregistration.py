import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tested_cells import CARRIED, CROSSED, FACTORS, REFERENCE, SPECS, VARIANT, changed

import ablate
from ablate.errors import StudyError
from ablate.storage.preregistration import Declaration, declare, freeze, read_preregistration
from ablate.storage.provenance import PreregistrationFacts
from ablate.study.trial import TrialSpec


@pytest.fixture
def declared(tiny_study) -> Declaration:
    return declare(SPECS, tiny_study, data="f00", looks=(2,))


@pytest.fixture
def frozen(declared, tmp_path):
    return freeze(tmp_path, declared)


def test_what_is_declared_are_the_tested_cells_each_once_and_the_rules(tiny_study):
    others = [replace(VARIANT, trial="v2", seed=2), changed(REFERENCE, design="path", test=False)]
    declared = declare([*SPECS, *others], tiny_study, data="f00", looks=(2,))
    assert [(cell["variant"], cell["mode"], cell["design"]) for cell in declared.cells] == [
        ("reference", "", "one-factor"),
        ("dropout=0.1", "find", "one-factor"),
        ("dropout=0.1", "carry", "one-factor"),
        ("dropout=0.1", "find", "factorial"),
    ]
    assert len(declared.contrasts()) == 3  # all but the reference
    assert declared.rules == {
        "metric": "test_accuracy", "monitor": "val_accuracy", "margin": None, "alpha": 0.05, "seeds": 2,
        "max_seeds": None, "looks": [2], "data": "f00",
    }  # fmt: skip


def test_the_digest_follows_cells_and_rules_and_not_their_order(tiny_study, declared):
    assert declare(SPECS[::-1], tiny_study, data="f00", looks=(2,)).digest() == declared.digest()
    others = [
        declare(SPECS[:-1], tiny_study, data="f00", looks=(2,)),
        declare([*SPECS[:-1], replace(CROSSED, factors=FACTORS)], tiny_study, data="f00", looks=(2,)),
        declare(SPECS, tiny_study, data="f01", looks=(2,)),
        declare(SPECS, tiny_study, data="f00", looks=(2, 4)),
        declare(SPECS, tiny_study, data="f00", looks=(2,), alpha=0.01),
    ]
    assert len({declared.digest(), *(other.digest() for other in others)}) == 6


def test_what_is_frozen_is_written_once_and_stays(declared, tmp_path):
    assert read_preregistration(tmp_path) is None
    first = freeze(tmp_path, declared)
    before = (tmp_path / "frozen.json").read_bytes()
    assert freeze(tmp_path, declared) == read_preregistration(tmp_path) == first
    assert (tmp_path / "frozen.json").read_bytes() == before
    assert json.loads(before)["digest"] == first.digest == declared.digest()
    assert first.facts() == PreregistrationFacts(
        digest=first.digest, at=first.at, contrasts=3, cells=4, level=0.05, earlier=[]
    )


def test_a_spent_level_and_what_spent_it_are_part_of_what_is_frozen(declared, tmp_path):
    spent = declared.at_level(0.0125, [("digits", "2026-11-20T10:30:00+00:00")])
    frozen = freeze(tmp_path, spent)
    assert frozen.digest != declared.digest()
    assert read_preregistration(tmp_path) == frozen
    assert (frozen.level, frozen.earlier) == (0.0125, (("digits", "2026-11-20T10:30:00+00:00"),))
    assert spent.at_level().digest() == declared.digest()  # without them it is what it was


def test_an_equal_study_that_starts_again_keeps_the_time_of_its_preregistration(declared, tmp_path):
    assert freeze(tmp_path, declared, at="2026-11-20T10:30:00+00:00").at == "2026-11-20T10:30:00+00:00"


def test_other_comparisons_than_the_frozen_ones_are_refused_with_what_differs(tiny_study, declared, tmp_path):
    freeze(tmp_path, declared)
    with pytest.raises(StudyError, match=r"preregistered at .*alpha 0.05 → 0.01\n  --fresh starts again"):
        freeze(tmp_path, declare(SPECS, tiny_study, data="f00", looks=(2,), alpha=0.01))
    other = replace(VARIANT, factors={**FACTORS, "dropout": 0.3})
    specs = [REFERENCE, other, CARRIED, CROSSED]
    with pytest.raises(StudyError, match=r"find one-factor reference\.configuration\.dropout 0\.1 → 0\.3"):
        freeze(tmp_path, declare(specs, tiny_study, data="f00", looks=(2,)))


@pytest.mark.parametrize(
    "spoil", [lambda text: text.replace("0.05", "0.5"), lambda text: text[:40], lambda _: "[]", lambda _: "[" * 100_000]
)
def test_a_file_that_was_changed_is_refused(declared, tmp_path, spoil):
    freeze(tmp_path, declared)
    path = tmp_path / "frozen.json"
    path.write_text(spoil(path.read_text()))
    with pytest.raises(StudyError, match=r"frozen\.json: was changed after it was written"):
        freeze(tmp_path, declared)


def test_a_file_that_the_disk_does_not_give_is_named(tmp_path):
    assert read_preregistration(tmp_path) is None
    (tmp_path / "frozen.json").mkdir()
    with pytest.raises(StudyError, match=r"frozen\.json: cannot be read: Is a directory\n  make it readable"):
        read_preregistration(tmp_path)


@pytest.mark.parametrize(
    "changes", [{"frozen": ""}, {"test": False}, {"phase": "search"}, {"phase": "tune"}, {"design": "path"}]
)
def test_a_spec_may_read_the_test_set_only_if_all_allows_it(changes):
    spec = replace(REFERENCE, frozen="f00")
    assert spec.may_test()
    assert not changed(spec, **changes).may_test()


def test_a_spec_of_an_old_journal_loads_and_may_not_read_the_test_set():
    old = {name: value for name, value in REFERENCE.to_json().items() if name not in ("frozen", "design", "against")}
    assert not TrialSpec.from_json(old).may_test()


def test_the_test_examples_are_asked_for_in_one_place():
    """What scores them asks `Trial.wants_test` first; see test_training.py."""
    callers = []
    for path in Path(ablate.__file__).parent.rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if ".test_order" in text else ():
            if isinstance(node, ast.FunctionDef):
                calls = {n.func.attr for n in ast.walk(node) if isinstance(n, ast.Call) and hasattr(n.func, "attr")}
                if "test_order" in calls:
                    callers.append((path.name, node.name, "wants_test" in calls))
    assert callers == [("slots.py", "test", True)]
