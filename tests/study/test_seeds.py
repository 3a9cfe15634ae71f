import numpy as np

from ablate.study import seeds


def test_every_study_replicate_role_and_layer_has_a_stream_of_its_own():
    places = [
        (study, replicate, role, layer)
        for study in (0, 1)
        for replicate in (0, 1, seeds.LR_TEST_REPLICATE)
        for role in ("split", "weights", "order", "dropout", "search", "augmentation", "embedding", "recurrent")
        for layer in (0, 1)
    ]
    numbers = {seeds.integer(study, replicate, role, layer=layer) for study, replicate, role, layer in places}
    assert len(numbers) == len(places)
    assert all(0 <= number < 2**31 for number in numbers)


def test_no_two_range_tests_share_a_replicate_with_each_other_or_with_a_trial():
    tests = [seeds.range_test(replicate, 1000) for replicate in (0, 1, 10_000)]
    assert len({number for test in tests for number in test}) == 3000
    assert min(map(min, tests)) > 10_000


def test_the_same_place_is_the_same_stream():
    one, two = (np.random.default_rng(seeds.stream(3, 4, "order")).permutation(100) for _ in range(2))
    assert np.array_equal(one, two)
