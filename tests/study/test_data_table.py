"""[data]: which settings fit which kind of source, and what is said of those that do not."""

import pytest
from study_texts import GOOD

from ablate.errors import StudyError
from ablate.study.toml import to_toml

TABLE = 'name = "houses.csv"\ntarget = "price"'


def with_data(text):
    return GOOD.replace('name = "digits"', text)


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        'name = "a.parquet"\ntarget = ["a", "b"]\nfeatures = ["c", "größe"]\ncolumns = { c = "category" }',
        f'{TABLE}\ngroups = "patient"\norder = "time"\nweights = "w"\nvalidation = 0.2\ntest = 0.1',
        f'{TABLE}\nvalidation = "folds"\nfolds = 5\nweights = "balanced"',
        'name = "own.npz"\ngroups = "patient"\nvalidation = "given"',
        'name = "photos/"\nimage_size = [32, 24]\nvalidation = "given"\nweights = "balanced"',
        'name = "./photos"\nimage_size = [32, 24]',
        'name = "my.py:load"\ntarget = "price"\nvalidation = "given"',
        'name = "my.py:load"',
        'name = "digits"\nweights = "balanced"',
    ],
)
def test_settings_that_fit_their_source_are_read_and_written_back(load, text):
    study = load(with_data(text))
    assert load(to_toml(study)).data == study.data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "a.csv"', r'data\.target: is missing: a table does not say what to predict\n  .*target = "price"'),
        ('name = "own.npz"\ntarget = "y"', r'data\.target: does not fit: "own\.npz" is an \.npz file\n  remove target'),
        ('name = "digits"\nfeatures = ["a"]', r"data\.features: does not fit: .* is a bundled data set"),
        ('name = "photos/"\ncolumns = { a = "number" }', r"data\.columns: does not fit: .* is a folder of images"),
        (f"{TABLE}\nimage_size = [2, 2]", r'data\.image_size: does not fit: .* is a table\n  remove image_size'),
        ('name = "digits"\ngroups = "patient"', r'data\.groups: names "patient", but "digits" is a bundled data set'),
        ('name = "photos/"\nweights = "w"', r'data\.weights: names "w", but "photos/" is a folder of images'),
        (f'{TABLE}\nvalidation = "given"', r'data\.validation: "given" does not fit: .* is a table, without'),
        (f"{TABLE}\nfolds = 5", r'data\.folds: is for validation = "folds", but validation is 5000\n'),
        (f'{TABLE}\nvalidation = "folds"\nfolds = 5\norder = "t"', r'data\.order: is for a split by time, but folds'),
        (f'{TABLE}\nfeatures = ["a", "price"]', r'data\.features: "price" is data\.target too\n  remove it'),
        (f'{TABLE}\ngroups = "price"', r'data\.groups: "price" is data\.target too\n  give each its own column'),
        (f'{TABLE}\nfeatures = ["a", "a"]', r"data\.features: each name may appear only once"),
        (f"{TABLE}\nfeatures = []", r"data\.features: must not be empty, got \[\]"),
        (f'{TABLE}\ncolumns = {{ a = "text" }}', r'data\.columns: unknown value "text"\n  known: category, number'),
        (f"{TABLE}\nimage_size = [0, 2]", r"data\.image_size: must be at least 1"),
        ('name = "my.py"', r'data\.name: "my\.py" names no function\n  .* as "my\.py:load"'),
        ('name = "my.py:"', r'data\.name: "my\.py:" names no function\n  .* as "my\.py:load"'),
        ('name = "a.xlsx"', r'data\.name: "a\.xlsx" is a spreadsheet\n  convert it to \.csv in Python: pand'),
        ('name = "a.pkl"', r'data\.name: "a\.pkl" is a Python pickle'),
        ('name = "photos"', r'data\.name: unknown data set "photos"\n  known: FILE\.csv, .*FOLDER/ of images'),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused_with_the_way_out(load, text, message):
    with pytest.raises(StudyError, match=rf"x\.toml: {message}"):
        load(with_data(text))
