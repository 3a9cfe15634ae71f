from ablate.study.catalog import structure_of

BASE = {"normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0, "optimizer": "adam"}


def of(**changes):
    return structure_of({**BASE, **changes}, model="mlp")


def test_what_only_changes_values_shares_a_structure():
    base = of(learning_rate="find", weight_decay=0.1)
    same = [{"initializer": "glorot_normal"}, {"learning_rate": 0.1}, {"weight_decay": 0.0}, {"momentum": 0.5}]
    assert all(of(**change) == base for change in same)
    assert of(dropout=0.1) == of(dropout=0.3)


def test_what_changes_the_graph_does_not():
    changes = ({"activation": "elu"}, {"normalization": "batch"}, {"dropout": 0.1}, {"optimizer": "sgd"})
    assert len({of(), *(of(**change) for change in changes)}) == 5


def test_of_a_users_model_every_factor_but_what_the_optimizer_takes_is_structure():
    factors = {"initializer": "a", "dropout": 0.1, "learning_rate": 1, "weight_decay": 0.1}
    assert structure_of(factors, model="mine.py:build") == (("dropout", 0.1), ("initializer", "a"))
