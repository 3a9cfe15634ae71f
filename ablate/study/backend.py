"""Decide which of Keras' backends trains the networks of a study."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal, TypeAlias, get_args

from ablate.errors import StudyError
from ablate.study.settings import StudySettings
from ablate.study.user_code import imports_module
from ablate.text import listed, printable

Backend: TypeAlias = Literal["jax", "tensorflow"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
VARIABLE = "KERAS_BACKEND"
# Packages whose import brings TensorFlow; a model that uses them cannot run on JAX.
_TENSORFLOW = ("tensorflow", "tf_keras", "tensorflow_probability", "tensorflow_addons")


def backend_of(study: StudySettings, *, environ: Mapping[str, str] = os.environ) -> Backend:
    """The backend of `training.backend`; "auto" stands for `KERAS_BACKEND` if set, otherwise JAX where it serves.

    JAX serves where it is installed and no code of the model, loss or metrics imports TensorFlow. Nothing is imported
    here. Raises `StudyError` if the backend is not installed, cannot run the study's code, or is one that ablate has
    not.
    """
    asked, tensorflow = study.training.backend, imported_tensorflow(study)
    named = _named(environ) if asked == "auto" else asked
    if named is None:
        return "tensorflow" if tensorflow else usual_backend(environ=environ)
    place = f"{VARIABLE}={named}" if asked == "auto" else f'training.backend: "{named}"'
    _check_installed(named, place)
    if named == "jax" and tensorflow:
        raise StudyError(
            f"{place} cannot run the study's code, which imports {tensorflow}\n"
            '  use keras.ops instead, or set training.backend = "tensorflow"'
        )
    return named


def backend_used(study: StudySettings) -> str:
    """The backend that trains a study; "" where its own function or program trains."""
    return "" if study.model.trains_itself else backend_of(study)


def usual_backend(*, environ: Mapping[str, str] = os.environ) -> Backend:
    """The backend that "auto" stands for where ablate builds the network. Raises `StudyError` as `backend_of` does."""
    if (named := _named(environ)) is not None:
        _check_installed(named, f"{VARIABLE}={named}")
        return named
    return "jax" if _is_installed("jax") else "tensorflow"


def imported_tensorflow(study: StudySettings) -> str:
    """The module of TensorFlow that code of the model, loss or metrics imports; "" if there is none."""
    return next((module for module in _TENSORFLOW if imports_module(study, module)), "")


def _named(environ: Mapping[str, str]) -> Backend | None:
    """The backend that the environment names. Raises `StudyError` if ablate does not train on it."""
    named = environ.get(VARIABLE, "")
    found = next((backend for backend in BACKENDS if backend == named), None)
    if named and found is None:
        raise StudyError(
            f"{VARIABLE}={printable(named)}: ablate trains on {listed(BACKENDS, 'or')}\n"
            f'  unset {VARIABLE}, or set training.backend = "tensorflow" in the study'
        )
    return found


def _check_installed(backend: Backend, place: str) -> None:
    if not _is_installed(backend):
        raise StudyError(f"{place}: {backend} is not installed\n  {_INSTALL[backend]}, or choose another backend")


def _is_installed(backend: Backend) -> bool:
    return find_spec(backend) is not None


_INSTALL: Mapping[Backend, str] = {
    "jax": 'install it with: pip install "ablate-keras[jax]"',
    "tensorflow": "install it with: pip install tensorflow",
}
