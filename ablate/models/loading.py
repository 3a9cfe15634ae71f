"""Load a model that a study kept."""

from collections.abc import Sequence
from pathlib import Path

import keras

from ablate.errors import AblateError, reason_of


def load_kept(path: Path, *, way_out: Sequence[str] = ()) -> keras.Model:
    """The model in a file, with its weights. Raises `AblateError`, with lines of a `way_out`, if that fails."""
    try:
        return keras.models.load_model(path)
    except Exception as err:  # whatever Keras or a user's class raises
        lines = "".join(f"\n  {line}" for line in way_out)
        raise AblateError(f"{path}: cannot be loaded: {reason_of(err)}{lines}") from err
