"""Say where the last axis of an input shape comes from, to a model that expects one axis less."""

_ONE_LESS = ("ndim=3, found ndim=4", "Kernel shape must have the same length as input")  # in what Keras says


def channel_axis_hint(input_shape: tuple[int, ...], *, said: str = "", taken: object = None) -> str:
    """The way out where a model does without the channel axis that the examples have, "" elsewhere.

    `said` is the error of its layers, `taken` the input shape of the model that it is, with the batch's axis.
    """
    has_channel = len(input_shape) == 3 and input_shape[-1] == 1
    is_one_less = taken == (None, *input_shape[:-1]) or any(text in said for text in _ONE_LESS)
    if not has_channel or not is_one_less:
        return ""
    return (
        f"the examples have shape {input_shape}: data (n, steps, features) are read as images and get a channel axis; "
        "take it off after keras.Input(input_shape), by keras.layers.Reshape(input_shape[:-1])"
    )
