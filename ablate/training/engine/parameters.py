"""Count the weights of a study's network without training anything."""

import keras

from ablate.data import Dataset, Split, split_dataset
from ablate.errors import explained
from ablate.models.build import build_model, count_parameters
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import model_data
from ablate.models.registry import find_builder
from ablate.study import seeds
from ablate.study.settings import StudySettings
from ablate.training.engine.settings import scaling_of


def count_model_parameters(study: StudySettings, data: Dataset) -> int:
    """The number of weights in the model of a study's baseline, without any data on a device."""
    builder = find_builder(study.model, base=study.base)
    layer_seeds, options = LayerSeeds(study.seed, seeds.SEARCH_REPLICATE), study.model.options

    def split() -> Split:
        scaling = scaling_of(study, study.baseline)
        return split_dataset(data, study.data, seed=study.seed, replicate=seeds.SEARCH_REPLICATE, scaling=scaling)

    def build() -> keras.Model:
        seen = model_data(data, split)
        return build_model(builder, study.baseline, seen, layer_seeds=layer_seeds, options=options)

    return count_parameters(explained(build, f"model.name: {study.model.name} fails on the baseline"))
