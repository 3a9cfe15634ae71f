import pandas as pd
from tables import configurations_of, crossed, flat

from ablate.analysis.imports.coverage import missing_notes, pairing_notes
from ablate.analysis.imports.rows import compared_with


def test_runs_that_a_crossing_lacks_are_named_and_counted():
    table = crossed(seeds=range(10))
    gone = table[(table["norm"] == "batch") & (table["drop"] == 0.3) & table["seed"].isin((2, 5, 6))]
    found, cells = configurations_of(table.drop(index=gone.index))
    [note] = missing_notes(cells, found)
    assert note.startswith("3 of 60 runs of the crossing are missing: norm=batch, drop=0.3 with seed 2, norm=batch")
    assert "with an empty score, so that they count" in note
    found, cells = configurations_of(table[~((table["norm"] == "batch") & (table["drop"] == 0.3))])
    [note] = missing_notes(cells, found)
    assert note.startswith("10 of 60 runs of the crossing are missing: norm=batch, drop=0.3.")


def test_seeds_of_one_variant_that_are_gone_are_missing_and_other_seeds_are_not():
    two = flat(("adam", "sgd"), seeds=range(12))
    found, cells = configurations_of(two[~((two["optimizer"] == "sgd") & (two["seed"] > 6))])
    assert missing_notes(cells, found)[0].startswith("5 of 24 runs of the crossing are missing: optimizer=sgd with")
    disjoint = pd.concat([flat(("adam",)), flat(("sgd",), seeds=range(10, 16))])
    found, cells = configurations_of(disjoint)
    assert missing_notes(cells, found) == []
    assert missing_notes(*reversed(configurations_of(crossed()))) == []


def test_configurations_without_a_common_seed_and_runs_without_a_partner_are_said():
    table = pd.concat([flat(("adam",)), flat(("sgd",), seeds=range(10, 16)), flat(("rms",), seeds=range(5))])
    found, cells = configurations_of(table)
    notes = pairing_notes(cells, found, 0, compared_with(cells, found, 0))
    assert notes == [
        "The reference shares no seed with optimizer=sgd, so these runs are not pairs.",
        "1 run is without a partner of the same seed in the comparison with optimizer=rms.",
    ]
    seedless = flat().astype({"seed": object})
    seedless.loc[3, "seed"] = ""
    found, cells = configurations_of(seedless)
    assert pairing_notes(cells, found, 1, compared_with(cells, found, 1))[0] == "1 run has no seed and is not compared."
