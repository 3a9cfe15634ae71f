"""The data of the study diabetes.toml: a table, as a DataFrame."""

from pandas import DataFrame
from sklearn.datasets import load_diabetes


def load() -> DataFrame:
    """442 patients of Efron et al. (2004), who were examined once, and how far their disease got within a year.

    The columns are age, sex, body-mass index, blood pressure, six measures of blood serum, and the target, 25 to 346.
    """
    frame: DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    sexes = {1.0: "first", 2.0: "second"}  # the source does not say which is which
    return frame.assign(sex=frame["sex"].map(sexes)).rename(columns={"target": "progression"})
