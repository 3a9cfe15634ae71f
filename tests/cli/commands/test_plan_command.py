from pathlib import Path

from ablate.cli.commands.plan import changes_said, power_said, trials_said
from ablate.experiment.preview.preview import StudyPreview
from ablate.plans import TrialCount
from ablate.storage.facts import Facts
from ablate.storage.resume import ResumeCheck


def preview(*, counts=None, seeds=(8,), contrasts=1) -> StudyPreview:
    return StudyPreview(counts or {}, {}, [], 0, 0, contrasts, tuple(seeds))


def test_a_changed_study_is_said_to_be_refused_or_to_need_continue():
    barred = changes_said(Path("reports/s"), [ResumeCheck("ablation.seeds 6 → 8", "preregistered")])
    assert barred.endswith("ablate study refuses to go on; this plan counts the saved trials as valid")
    allowed = changes_said(Path("reports/s"), [ResumeCheck("search.trials 4 → 8", "")])
    assert "ablate study goes on only with --continue; this plan" in allowed


def test_a_study_without_seeds_says_that_nothing_is_compared():
    said = trials_said(preview(counts={"search": TrialCount(4, 4)}, seeds=()))
    assert said[-1].split(maxsplit=1) == [
        "ablation", "none, since ablation.seeds is 0: nothing is compared or read on the test set",
    ]  # fmt: skip
    assert trials_said(preview(seeds=())) == ["nothing to train: no search trials and no seeds"]


def test_power_is_that_of_the_level_that_is_left(tiny_study, digits):
    facts = Facts(tiny_study, digits, "tiny", "ablate plan tiny", 2, 1, "", "2026-11-21")
    (whole,) = power_said(preview(), facts, {})
    assert whole.endswith("you can detect 1.16 SD of the paired differences; 80 % power, family-wise 5 %")
    left, few = power_said(preview(), facts, {}, level=0.05 / 16)
    assert left.endswith("1.96 SD of the paired differences; 80 % power, family-wise 0.3125 %")
    assert few.strip() == "with fewer than 10 seeds no p can reach 0.3125 %"
