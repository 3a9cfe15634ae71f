from ablate.plans import ablation_cells, ablation_specs, looks_of


def test_trial_names_are_unique_over_designs_modes_and_ends(make_study):
    study = make_study(
        design=("one-factor", "factorial"),
        factorial=("normalization", "optimizer"),
        learning_rate=("carry", "find", "tune"),
        reference="both",
        recipes={"r": {"activation": "selu"}},
    )
    both = {"reference": study.baseline, "best": {**study.baseline, "normalization": "batch"}}
    names = [cell.to_spec(1).trial for cell in ablation_cells(study, both, {})]
    assert len(set(names)) == len(names)
    assert {"ablation-reference-s1", "ablation-reference-tune-s1", "ablation-best-find-s1"} <= set(names)


def test_as_many_seeds_are_looked_at_as_the_study_says(make_study):
    assert looks_of(make_study(seeds=9)) == (9,)
    assert looks_of(make_study(seeds=0)) == ()
    looks = looks_of(make_study(seeds="auto", max_seeds=20, looks=3))
    assert looks[0] >= 6
    assert (len(looks), looks[-1]) == (3, 20)


def test_without_seeds_there_are_no_trials_and_auto_starts_with_the_first_look(make_study):
    assert ablation_specs(make_study(seeds=0), make_study().baseline) == []
    study = make_study(seeds="auto", max_seeds=20, looks=3)
    assert {spec.seed for spec in ablation_specs(study, study.baseline)} == set(range(1, looks_of(study)[0] + 1))
