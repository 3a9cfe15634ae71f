"""The type of an array, whatever it holds."""

from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray  # of any shape and dtype; docstrings say which
