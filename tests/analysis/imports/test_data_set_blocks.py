import numpy as np
import pandas as pd
import pytest
from tables import runs

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.imports.blocks import depends


def table(gains, *, n=6, name="dataset", score="accuracy"):
    """Method new gains as given on each data set, plus 0, 0.01 or −0.01 by the seed; data sets differ by 0.1."""
    return pd.DataFrame(
        [
            {name: block, "seed": seed, "method": method, score: round(base + (method == "new") * (gain + luck), 4)}
            for base, (block, gain) in zip((0.8, 0.7, 0.6), gains.items(), strict=False)
            for seed in range(n)
            for luck in [(0, 0.01, -0.01)[seed % 3]]
            for method in ("base", "new")
        ]
    )


def read(frame, **asked):
    return read_imported(runs(frame), ImportOptions(**asked))


def compared(foreign) -> set[str]:
    return set(foreign.results.query("design == 'one-factor'")["variant"]) - {"reference"}


@pytest.mark.parametrize("name", ["dataset", "Data Set"])
@pytest.mark.parametrize("second", [-0.02, 0.0])
def test_an_effect_that_differs_between_data_sets_is_not_averaged_but_the_reason_is_said(name, second):
    foreign = read(table({"cifar": 0.08, "imagenet": second}, name=name))
    assert compared(foreign) == set()
    assert foreign.facts.confounded == [
        f"the effect differs between the values of {name} for method=new (cifar +0.08, imagenet "
        f"{'−0.02' if second else '+0'}), mean difference in accuracy compared with method=base: add --block "
        f"{name} for the effect on each and over all, compare one {name} at a time, or name it too, --factors "
        f"method,{name}"
    ]


def test_subjects_that_differ_are_the_replicates_so_their_means_are_compared():
    foreign = read(table({"ann": 0.08, "bob": -0.02, "eve": 0.03}, name="subject_id"))
    said = " ".join(foreign.notes)
    assert "averaged over seed, which leaves 3 replicates" in said
    assert "Averaged over 3 values of subject_id" in said
    assert len(compared(foreign)) == 1


def test_named_as_well_the_data_set_is_a_factor():
    foreign = read(table({"cifar": 0.08, "imagenet": -0.02}), factors=("method", "dataset"))
    assert "method=new" in compared(foreign)
    assert foreign.facts.confounded == []


def test_an_effect_that_is_alike_on_all_data_sets_is_averaged_and_each_is_said():
    foreign = read(table({"cifar": 0.08, "svhn": 0.08, "stl": 0.081}))
    assert compared(foreign) == {"method=new"}
    assert (
        "Averaged over 3 values of dataset, mean difference in accuracy on each, compared with method=base: "
        "method=new (cifar +0.08, stl +0.081, svhn +0.08)."
    ) in foreign.notes


def test_a_loss_keeps_its_sign():
    foreign = read(table({"cifar": 0.08, "imagenet": -0.02}, score="val_loss"))
    assert "(cifar +0.08, imagenet −0.02), mean difference in val_loss" in foreign.facts.confounded[0]


def test_one_run_on_each_data_set_cannot_show_that_the_effect_differs():
    foreign = read(table({"cifar": 0.08, "svhn": 0.02, "stl": -0.01}, n=1).drop(columns="seed"))
    assert compared(foreign) == {"method=new"}
    assert "(cifar +0.08, stl −0.01, svhn +0.02)" in " ".join(foreign.notes)


def test_effects_depend_on_the_block_by_more_than_their_spread():
    one, other = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])  # F = 13.5, p = .021
    assert depends({"a": one, "b": other})
    assert not depends({"a": one, "b": other - 2})  # F = 1.5, p = .29
    assert depends({"a": np.ones(2), "b": np.zeros(2)})
    assert not depends({"a": np.ones(2), "b": np.ones(2)})
    assert not depends({"a": one})
