from ablate.plans import ablation_cells, ablation_specs, references


def test_every_combination_is_a_cell_the_references_own_first(make_study):
    study = make_study(design=("factorial",), factorial=("normalization", "optimizer"), learning_rate=("carry", "find"))
    specs = [spec for spec in ablation_specs(study, study.baseline) if spec.seed == 1]
    assert [spec.trial for spec in specs] == [
        "factorial-normalization=none, optimizer=adam-find-s1",
        "factorial-normalization=none, optimizer=sgd-find-s1",
        "factorial-normalization=batch, optimizer=adam-find-s1",
        "factorial-normalization=batch, optimizer=sgd-find-s1",
    ]
    assert {(s.label.factor, s.label.level, s.label.against, s.label.design, s.test) for s in specs} == {
        ("", "", "", "factorial", True)
    }
    assert specs[0].factors == study.baseline
    assert specs[3].factors == {**study.baseline, "normalization": "batch", "optimizer": "sgd"}
    assert all(spec.rate_factors is None for spec in specs)


def test_a_study_that_only_carries_rates_carries_them_here_too(make_study):
    study = make_study(design=("factorial",), factorial=("normalization", "optimizer"), learning_rate=("carry",))
    cells = ablation_cells(study, {"reference": study.baseline}, {})
    assert [cell.rate_factors for cell in cells] == [None, *[study.baseline] * 3]


def test_crossed_rates_keep_their_multiple_of_what_each_cell_finds_or_tunes(make_study):
    from ablate.plans.cells import configuration_key

    crossed = {"design": ("factorial",), "factorial": ("optimizer", "learning_rate")}
    study = make_study(**crossed, learning_rate=("find",))
    cells = ablation_cells(study, {"reference": study.baseline}, {})
    assert [c.factors["learning_rate"] for c in cells] == ["find", "find*0.3"] * 2
    study = make_study(**crossed, learning_rate=("tune",))
    tuned = {configuration_key({**study.baseline, "optimizer": "sgd"}): "find*10"}
    cells = ablation_cells(study, {"reference": study.baseline}, tuned)
    assert [c.factors["learning_rate"] for c in cells] == ["find", "find*0.3", "find*10", "find*3"]


def test_the_best_ones_level_is_crossed_too_and_what_settles_alike_is_one_cell(make_study, momentum_space):
    study = make_study(
        reference="both",
        design=("factorial",),
        factorial=("optimizer", "momentum"),
        baseline={"momentum": 0.0, "layers": 2},
        space=momentum_space,
    )
    best = {**study.baseline, "optimizer": "momentum", "momentum": 0.5}
    cells = ablation_cells(study, references(study, study.baseline, best), {})
    assert [cell.variant for cell in cells] == [
        "optimizer=adam, momentum=0.0",
        "optimizer=momentum, momentum=0.0",
        "optimizer=momentum, momentum=0.9",
        "optimizer=momentum, momentum=0.5",
    ]
