"""Copy a study's examples to the device, or stream them where they do not fit."""

from dataclasses import replace

from ablate.data import Dataset
from ablate.data.placement import Placement, Room, place_data
from ablate.data.trees import Tree
from ablate.errors import StudyError
from ablate.models.model_data import ModelData
from ablate.training.engine.backend import is_out_of_memory
from ablate.training.engine.examples import PIECE_BYTES, Examples, Resident, Streamed

_PIECES = 16  # that a worker's memory has room for: four are held at once, beside the program


def place_examples(data: Dataset, room: Room) -> tuple[Examples, Placement]:
    """The examples of a study, and where they are. Copying that runs out of memory is no error: they are streamed.

    One array holds training and test examples, so that one compiled evaluation serves both. Raises `DataError` if not
    even a single example fits.
    """
    placement = place_data(data, room)
    if not placement.is_streamed:
        try:
            return Resident.of((data.x_train, data.x_test), (data.y_train, data.y_test)), placement
        except Exception as err:
            if not is_out_of_memory(err):
                raise
        placement = replace(placement, is_short=True)
    piece_bytes = min(PIECE_BYTES, room.n_bytes // _PIECES) if room.n_bytes else PIECE_BYTES
    parts = (data.x_train, data.x_test), (data.y_train, data.y_test)
    return Streamed(*parts, piece_bytes=piece_bytes), placement


def readable(seen: ModelData, placement: Placement) -> ModelData:
    """What a model is built for, without the training examples if all of them at once would not fit into memory."""
    if not placement.is_streamed or placement.room.is_gpu:
        return seen

    def refuse() -> Tree:
        raise StudyError(
            f"model: build reads data.train, which holds all training examples, but {placement.said()}\n"
            "  adapt layers to some examples that build reads from the file itself"
        )

    return replace(seen, examples=refuse)
