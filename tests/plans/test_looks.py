import pytest

from ablate.plans import Sequential, SteppedPlan, ablation_cells, references


def asked_for(specs):
    """Variant -> its seeds."""
    seeds: dict = {}
    for spec in specs:
        seeds.setdefault(spec.label.variant, []).append(spec.seed)
    return {variant: sorted(numbers) for variant, numbers in seeds.items()}


def run(study, drive, scored, *, looks, answers, best=None):
    cells = ablation_cells(study, references(study, study.baseline, best), {})
    asked = []

    def undecided(look):
        asked.append(look)
        return answers[look - 1]

    rule = Sequential(cells, looks=looks, undecided=undecided)
    specs = drive(SteppedPlan(rule.wanted, known={}), scored(lambda _: 0.5))
    return asked_for(specs), asked


def test_seeds_are_added_to_what_is_undecided_and_to_its_reference(make_study, drive, scored):
    study = make_study(seeds="auto", factors=("normalization", "optimizer"))
    answers = [{("optimizer=sgd", "find"), ("normalization=batch", "find")}, {("optimizer=sgd", "find")}]
    seeds, asked = run(study, drive, scored, looks=(2, 3, 5), answers=answers)
    assert seeds == {
        "reference": [1, 2, 3, 4, 5],
        "normalization=batch": [1, 2, 3],
        "optimizer=sgd": [1, 2, 3, 4, 5],
    }
    assert asked == [1, 2]


def test_it_ends_when_all_is_decided_and_what_was_decided_stays_so(make_study, drive, scored):
    study = make_study(seeds="auto", factors=("normalization", "optimizer"))
    answers = [{("optimizer=sgd", "find")}, {("normalization=batch", "find")}]
    seeds, asked = run(study, drive, scored, looks=(2, 3, 5, 9), answers=answers)
    assert {variant: max(numbers) for variant, numbers in seeds.items()} == {
        "reference": 3, "normalization=batch": 2, "optimizer=sgd": 3,
    }  # fmt: skip
    assert asked == [1, 2]


def test_only_the_reference_of_the_open_mode_and_end_gets_more(make_study, drive, scored):
    study = make_study(seeds="auto", reference="both", factors=("normalization",), learning_rate=("find", "tune"))
    best = {**study.baseline, "optimizer": "sgd"}
    cells = ablation_cells(study, references(study, study.baseline, best), {})

    def more(*open_ones):
        rule = Sequential(cells, looks=(1, 2), undecided=lambda _: set(open_ones))
        specs = drive(SteppedPlan(rule.wanted, known={}), scored(lambda _: 0.5))
        return {(spec.label.variant, spec.label.mode) for spec in specs if spec.seed == 2}

    assert more(("best: normalization=batch", "tune")) == {("best: normalization=batch", "tune"), ("best", "tune")}
    assert more(("normalization=batch", "tune")) == {("normalization=batch", "tune"), ("reference", "tune")}
    assert more(("best", "find")) == {("best", "find"), ("reference", "")}
    assert more() == set()


def test_a_factorial_keeps_the_seeds_of_the_first_look(make_study, drive, scored):
    study = make_study(
        seeds="auto",
        design=("one-factor", "factorial"),
        factors=("optimizer",),
        factorial=("normalization", "optimizer"),
    )
    seeds, _ = run(study, drive, scored, looks=(1, 3), answers=[{("optimizer=sgd", "find")}])
    assert seeds["optimizer=sgd"] == [1, 2, 3]
    assert seeds["normalization=batch, optimizer=sgd"] == [1]


def test_an_interrupted_study_asks_for_the_same_seeds(make_study, check_resume, scored):
    study = make_study(seeds="auto", factors=("normalization", "optimizer"))
    cells = ablation_cells(study, {"reference": study.baseline}, {})
    answers = [{("optimizer=sgd", "find")}, {("optimizer=sgd", "find")}]
    specs = check_resume(
        lambda known: SteppedPlan(
            Sequential(cells, looks=(2, 3, 4), undecided=lambda look: answers[look - 1]).wanted, known=known
        ),
        scored(lambda _: 0.5),
    )
    assert len(specs) == 3 * 2 + 2 * 1 + 2 * 1


@pytest.mark.parametrize("looks", [(), (0, 2), (3, 3)])
def test_looks_must_rise(looks):
    with pytest.raises(ValueError, match="looks must increase"):
        Sequential([], looks=looks, undecided=lambda _: set())
