from ablate.plans import ablation_specs, needs_best, replicates, to_specs
from ablate.plans.designs import ablation_cells


def test_all_variants_come_seed_by_seed(tiny_study):
    seeds = [spec.seed for spec in ablation_specs(tiny_study, tiny_study.baseline)]
    assert seeds == sorted(seeds)


def test_seeds_count_from_one_and_go_on_after_those_that_are_there(tiny_study):
    cells = ablation_cells(tiny_study, {"reference": tiny_study.baseline}, {})[:1]
    assert [spec.trial for spec in to_specs(cells, replicates(4, after=2))] == [
        "ablation-reference-s3", "ablation-reference-s4",
    ]  # fmt: skip


def test_the_best_is_needed_to_depart_from_it_and_to_walk_to_it(make_study):
    assert not needs_best(make_study())
    assert needs_best(make_study(reference="both"))
    assert needs_best(make_study(design=("path",)))
