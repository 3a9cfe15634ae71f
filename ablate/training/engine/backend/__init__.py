"""The functions that `keras.ops` lacks, from the module of the backend that Keras runs on in this process.

Both modules have the functions imported here, with the same arguments: compile, loop, map over trials, gradients, and
the errors that report a lack of memory.
"""

import keras

from ablate.training.engine.backend.types import Compiled, Loose

if keras.backend.backend() == "jax":
    from ablate.training.engine.backend.jax import (
        ALWAYS_XLA,
        EAGER,
        added,
        compile_functions,
        compiled,
        contained,
        either,
        fed,
        gradients,
        is_out_of_memory,
        joined,
        loop,
        map_trials,
        replace_row,
        resident,
        row_of,
        rows_of,
        stack,
        unpacked,
    )
else:
    from ablate.training.engine.backend.tensorflow import (
        ALWAYS_XLA,
        EAGER,
        added,
        compile_functions,
        compiled,
        contained,
        either,
        fed,
        gradients,
        is_out_of_memory,
        joined,
        loop,
        map_trials,
        replace_row,
        resident,
        row_of,
        rows_of,
        stack,
        unpacked,
    )

__all__ = [
    "ALWAYS_XLA",
    "EAGER",
    "Compiled",
    "Loose",
    "added",
    "compile_functions",
    "compiled",
    "contained",
    "either",
    "fed",
    "gradients",
    "is_out_of_memory",
    "joined",
    "loop",
    "map_trials",
    "replace_row",
    "resident",
    "row_of",
    "rows_of",
    "stack",
    "unpacked",
]
