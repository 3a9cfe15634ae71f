"""Which part of my network actually matters? Fast Keras trials, honest ablation statistics, one report.

>>> import ablate
>>> study = ablate.Study.read("digits_mlp")
>>> study.name
'digits_mlp'
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.errors import Stopped as Stopped
    from ablate.interface.reading import read as read
    from ablate.interface.result import Result as Result
    from ablate.interface.study import Study as Study

__all__ = ["Result", "Stopped", "Study", "__version__", "read"]

# Where each name lives: `import ablate` imports no library.
_PLACES = {
    "Result": "ablate.interface.result",
    "Stopped": "ablate.errors",
    "Study": "ablate.interface.study",
    "read": "ablate.interface.reading",
}

try:
    __version__ = version("ablate-keras")
except PackageNotFoundError:  # a checkout on the path without an installation
    __version__ = "0+unknown"


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
