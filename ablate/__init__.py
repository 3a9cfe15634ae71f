"""Which part of my network actually matters? Fast Keras trials, honest ablation statistics, one report."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ablate-keras")
except PackageNotFoundError:  # a checkout on the path without an installation
    __version__ = "0+unknown"
