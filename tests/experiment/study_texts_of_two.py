"""A small study on two data sets."""

from ablate.study.load import load_study
from ablate.study.settings import StudySettings

TWO = """
[data.sources]
easy = { name = "digits", train = 100 }
hard = { name = "digits", train = 50 }
[model]
name = "mlp"
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
[space]
normalization = ["none", "batch"]
"""


def two(folder) -> StudySettings:
    """The study of the file two.toml in `folder`."""
    path = folder / "two.toml"
    path.write_text(TWO)
    return load_study(path, overrides=[], quick=False)
