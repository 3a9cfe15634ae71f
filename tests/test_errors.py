from ablate.errors import known_names


def test_the_nearest_name_is_offered_only_if_one_is_near():
    assert known_names("rellu", ["selu", "relu"]) == 'known: relu, selu       did you mean "relu"?'
    assert known_names("banana", ["selu", "relu"]) == "known: relu, selu"
