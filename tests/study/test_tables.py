"""The table [ablation]: what is compared must be there to be compared."""

import pytest
from study_texts import GOOD

from ablate.study.toml import to_toml

FACTORIAL = 'design = ["one-factor", "factorial"]\nfactorial = ["normalization", "dropout"]\n'


def ablation(lines, text=GOOD):
    return f"{text}[ablation]\n{lines}\n"


def test_a_study_compares_one_factor_at_a_time_from_the_baseline_unless_it_says_more(load):
    plain = load().ablation
    assert (plain.design, plain.factorial, plain.reference, plain.seeds) == (("one-factor",), None, "baseline", 6)
    lines = (
        f'{FACTORIAL}reference = "both"\nseeds = "auto"\nmax_seeds = 12\nlooks = 2\nlearning_rate = ["find", "tune"]'
    )
    study = load(ablation(lines))
    said = study.ablation
    assert (said.design, said.factorial) == (("one-factor", "factorial"), ("normalization", "dropout"))
    assert (said.reference, said.seeds, said.max_seeds, said.looks) == ("both", "auto", 12, 2)
    assert said.learning_rate == ("find", "tune")
    assert load(to_toml(study)) == study


def test_one_design_needs_no_list(load):
    assert load(ablation('design = "path"')).ablation.design == ("path",)


def test_a_try_cuts_seeds_that_are_left_open(load):
    text = ablation('seeds = "auto"')
    assert load(text, quick=True).ablation.seeds == 2
    assert load(text, "ablation.seeds=auto", quick=True).ablation.seeds == "auto"
    assert load(text + "[quick]\nablation.seeds = 3\n", quick=True).ablation.seeds == 3


def test_a_factor_with_a_single_level_of_its_own_can_be_crossed(load):
    text = ablation('design = "factorial"\nfactorial = ["dropout", "learning_rate"]')
    assert load(text).ablation.factorial == ("dropout", "learning_rate")  # 0.0 and 0.1; find and find*0.3


def test_a_factorial_may_have_ten_thousand_trials_and_no_more(load, complaint):
    levels = ", ".join(f"0.{level:03d}" for level in range(100))
    text = GOOD.replace("ablate = [0.0, 0.1]", f"ablate = [{levels}]")  # 2 x 100 cells
    assert load(ablation(f"{FACTORIAL}seeds = 50", text)).ablation.seeds == 50
    assert complaint(ablation(f"{FACTORIAL}seeds = 51", text)) == (
        "x.toml: ablation.factorial: 2 × 100 cells × 51 seeds make 10,200 trials, more than 10,000\n"
        "  cross fewer factors, list fewer levels under ablate = [...], or use fewer seeds"
    )
    open_ended = ablation(f'{FACTORIAL}seeds = "auto"\nmax_seeds = 60', text)
    assert "× up to 60 seeds make up to 12,000 trials" in complaint(open_ended)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('design = "factorail"', 'x.toml: ablation.design: unknown value "factorail"\n  known: factorial, one-factor, '
         'path       did you mean "factorial"?'),
        ("design = []", "x.toml: ablation.design: must not be empty"),
        ('design = ["path", "path"]', 'x.toml: ablation.design: each name may appear only once, got ["path", "path"]'),
        ('design = "factorial"', 'x.toml: ablation.factorial: design "factorial" needs the names of at least two '
         'factors to cross\n  e.g. factorial = ["normalization", "activation"]'),
        ('design = "factorial"\nfactorial = ["dropout"]', "needs the names of at least two factors"),
        ('factorial = ["dropout", "optimizer"]', 'x.toml: ablation.factorial: design has no "factorial", so '
         'nothing would be crossed\n  list it: design = ["one-factor", "factorial"], or leave factorial out'),
        ('design = "factorial"\nfactorial = ["dropout", "dropout"]', "ablation.factorial: each name may appear only"),
        ('design = "factorial"\nfactorial = ["dropout", "width"]', 'unknown factor of [space] "width"\n  known: dropo'),
        ('design = "factorial"\nfactorial = ["dropout", "activation"]', 'unknown factor of [space] "activation"'),
        ('seeds = "many"', 'x.toml: ablation.seeds: must be a whole number or "auto", got "many"'),
        ("seeds = -1", 'x.toml: ablation.seeds: must be at least 0 or "auto", got -1'),
        ('seeds = "auto"\nmax_seeds = 5', "x.toml: ablation.max_seeds: must be at least 6, got 5"),
        ("looks = 0", "x.toml: ablation.looks: must be at least 1, got 0"),
        ('reference = "worst"', 'x.toml: ablation.reference: unknown value "worst"\n  known: baseline, best, both'),
        ('learning_rate = ["tune", "tune"]', "x.toml: ablation.learning_rate: each name may appear only once"),
        ('factors = ["dropout", "dropout"]', "x.toml: ablation.factors: each name may appear only once"),
    ],
)  # fmt: skip
def test_a_broken_ablation_is_refused_with_place_rule_and_way_out(lines, message, complaint):
    assert message in complaint(ablation(lines))


def test_a_factor_without_a_second_level_can_be_neither_crossed_nor_ablated(complaint):
    text = GOOD.replace(", ablate = [0.3] }", " }")
    assert complaint(ablation('design = "factorial"\nfactorial = ["dropout", "learning_rate"]', text)) == (
        "x.toml: ablation.factorial: learning_rate has only one level, so it cannot be crossed\n"
        "  add ablate = [...] to space.learning_rate"
    )
    assert "learning_rate has no other level to compare" in complaint(ablation('factors = ["learning_rate"]', text))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('design = "path"', 'x.toml: search.trials: must be above 0: ablation.design "path" needs the best '
         'configuration of a search\n  run a search, or set ablation.design = "one-factor"'),
        ('reference = "best"', 'trials: must be above 0: ablation.reference "best" needs the best configuration'),
        ('reference = "both"', 'configuration of a search\n  run a search, or set ablation.reference = "baseline"'),
    ],
)  # fmt: skip
def test_what_starts_at_the_best_needs_a_search(lines, message, load, complaint):
    text = ablation(lines, f"{GOOD}[search]\ntrials = 0\n")
    assert message in complaint(text)
    assert load(text, "ablation.seeds=0").search.trials == 0  # no ablation: nothing asks for the best
    assert load(text, "search.trials=1").search.trials == 1


def test_a_factor_that_does_not_count_in_the_baseline_cannot_be_ablated_from_there(load, complaint):
    text = GOOD.replace("ablate = [0.0, 0.1] }", 'ablate = [0.1], when = { normalization = "batch" } }')
    lines = 'factors = ["dropout"]'
    assert complaint(ablation(lines, text)) == (
        "x.toml: ablation.factors: dropout is inactive in the baseline, so no other level can be compared\n"
        "  change the baseline, or space.dropout.when"
    )
    assert load(ablation(f'{lines}\nreference = "best"', text)).ablation.factors == ("dropout",)
    assert load(ablation(FACTORIAL, text)).ablation.factorial == ("normalization", "dropout")
