import pytest

from ablate.text import clauses, first_of, listed, number_of


@pytest.mark.parametrize(("n", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1024, "1,024 runs")])
def test_a_noun_follows_its_number(n, said):
    assert number_of(n, "run") == said


def test_the_last_of_a_list_has_its_word():
    assert [listed([]), listed(["a"]), listed("abc"), listed([1, 2], "or")] == ["", "a", "a, b and c", "1 or 2"]


def test_long_lists_are_cut_and_counted():
    assert [first_of("ab", 2), first_of("abcd", 2)] == ["a, b", "a, b and 2 more"]
    assert clauses(["a", "b"], 2) == "a; b"
    assert clauses([str(i) for i in range(10)], 8).endswith("; 7; and 2 more")
