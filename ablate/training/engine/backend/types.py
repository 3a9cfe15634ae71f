"""Types of compiled functions and of their arguments."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Compiled: TypeAlias = Callable[..., Any]
# Dimensions of an argument that may change from call to call, or those of some tensors of a mapping, by name.
Loose: TypeAlias = tuple[int, ...] | Mapping[str, tuple[int, ...]]
