import pytest

from ablate.plans.cells import configuration_key, rated

PLAIN = {"optimizer": "adam", "learning_rate": "find*0.5"}
SGD = {**PLAIN, "optimizer": "sgd"}


def test_equal_configurations_have_equal_keys_whatever_the_order_or_the_kind_of_number():
    assert configuration_key({"a": 1, "b": "x"}) == configuration_key({"b": "x", "a": 1.0})
    assert len({configuration_key({"a": level}) for level in (1, True, "1", 2.0)}) == 4


@pytest.mark.parametrize(("mode", "rate", "found_for"), [
    ("carry", "find*0.5", PLAIN), ("find", "find*0.5", None), ("tune", "find*1.581", None),
])  # fmt: skip
def test_each_mode_gives_a_variant_its_rate(mode, rate, found_for):
    tuned = {configuration_key(SGD): "find*1.581"}
    assert rated(SGD, reference=PLAIN, mode=mode, tuned=tuned) == ({**SGD, "learning_rate": rate}, found_for)


def test_a_number_that_is_compared_is_that_number_in_every_mode():
    reference, variant = ({"optimizer": "adam", "learning_rate": rate} for rate in (0.001, 0.01))
    tuned = {configuration_key(reference): 0.003162}
    for mode in ("carry", "find", "tune"):
        rate, _ = rated(variant, reference=reference, mode=mode, tuned=tuned, rate_varies=True)
        assert rate["learning_rate"] == 0.01
    own, _ = rated(reference, reference=reference, mode="tune", tuned=tuned, rate_varies=True)
    assert own["learning_rate"] == 0.003162


def test_a_multiple_that_is_compared_multiplies_the_tuned_rate_as_it_did_the_references():
    variant = {**PLAIN, "learning_rate": "find*0.25"}
    tuned = {configuration_key(PLAIN): "find*2"}
    assert rated(variant, reference=PLAIN, mode="tune", tuned=tuned, rate_varies=True)[0]["learning_rate"] == "find"
