"""Keys of [data] that ask for two kinds of splits at once, and what is said of them."""

import pytest
from study_texts import EVERYTHING, GOOD


def with_data(text: str) -> str:
    return GOOD.replace('name = "digits"\n', f'name = "my/data.npz"\n{text}\n')


@pytest.mark.parametrize(
    "text",
    [
        "validation = 0.2", "validation = 300\ntest = 100", 'validation = "given"', 'validation = "folds"\nfolds = 5',
        'validation = 0.1\norder = "day"\ngroups = "patient"', 'validation = "folds"\nfolds = 2\ngroups = "site"',
    ],
)  # fmt: skip
def test_one_kind_of_split_is_loaded(load, text):
    assert load(with_data(text)).data.name == "my/data.npz"


@pytest.mark.parametrize(
    ("text", "said", "way_out"),
    [
        ('validation = "folds"', 'data.folds: is missing, but validation is "folds"', "write folds = 5 in [data]"),
        ("folds = 4", 'data.folds: is for validation = "folds", but validation is 5000', "remove folds"),
        ('validation = "given"\nfolds = 4', 'but validation is "given"', 'or write validation = "folds"'),
        ('validation = "folds"\nfolds = 4\norder = "day"', "data.order: is for a split by time", "validation = 0.2"),
        ('validation = "given"\norder = "day"', 'data.order: is for a split by time, but validation is "given"', "rem"),
        ('validation = "fold"', 'or a share between 0 and 1 or "given" or "folds", got "fold"', "must be"),
        ("validation = 1.5", "data.validation", "must be"),
        ("validation = 0.0", "data.validation", "must be"),
        ("validation = 0", "data.validation", "must be"),
        ("validation = true", "data.validation", "must be"),
        ('validation = "folds"\nfolds = 1', "data.folds: must be at least 2, got 1", ""),
        ("test = -1", "data.test", "must be"),
        ('test = "fifth"', "data.test", "must be"),
    ],
)
def test_two_kinds_of_split_are_refused_with_a_way_out(complaint, text, said, way_out):
    message = complaint(with_data(text))
    assert message.startswith("x.toml: ")
    assert said in message
    assert way_out in message


def test_folds_have_a_fixed_number_of_seeds(complaint):
    folds = 'validation = "folds"\nfolds = 4'
    text = EVERYTHING.replace('name = "digits"\n', f'name = "digits"\n{folds}\n')
    message = complaint(text)
    assert 'ablation.seeds: must be a number with data.validation = "folds"' in message
    assert "write seeds = 8" in message
    assert complaint(text, 'ablation.seeds="some"') != message
