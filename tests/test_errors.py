from ablate.errors import AblateError, known_names


def test_the_nearest_name_is_offered_only_if_one_is_near():
    assert known_names("rellu", ["selu", "relu"]) == 'known: relu, selu       did you mean "relu"?'
    assert known_names("banana", ["selu", "relu"]) == "known: relu, selu"


def test_names_in_a_message_cannot_steer_a_terminal_and_long_lists_are_cut():
    assert str(AblateError("x\x1b[2J.csv: no\n  way\r out")) == "x\\x1b[2J.csv: no\n  way\\r out"
    said = known_names("\x1b" * 10_000, ["\x1b[2J" * 4, "x" * 10_000, *(f"n{i:03}" for i in range(60))])
    assert said.startswith(r"known: \x1b[2J\x1b[2J\x1b[2J\x1b[2J, n000")
    assert said.endswith(" and 22 more")
    assert len(said) < 1_000
