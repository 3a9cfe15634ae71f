import pytest

from ablate.text import number_of


@pytest.mark.parametrize(("n", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1024, "1,024 runs")])
def test_a_noun_follows_its_number(n, said):
    assert number_of(n, "run") == said
