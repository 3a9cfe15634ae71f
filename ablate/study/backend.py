"""Decide which of Keras' backends trains the networks of a study."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal, TypeAlias, get_args

from ablate.errors import StudyError
from ablate.study.settings import StudySettings
from ablate.study.user_code import CodeUse, uses_of_code
from ablate.text import listed, printable

Backend: TypeAlias = Literal["jax", "tensorflow"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
NAMES: Mapping[str, str] = {"jax": "JAX", "tensorflow": "TensorFlow"}  # in sentences
VARIABLE = "KERAS_BACKEND"
SETTING = "training.backend"
# Packages whose import brings TensorFlow; a model that uses them cannot run on JAX.
_TENSORFLOW = ("tensorflow", "tf_keras", "tensorflow_probability", "tensorflow_addons")
# Layers of Keras that a compiled program of JAX cannot run: they compute with TensorFlow, or in shapes it must know.
_LAYERS = ("HashedCrossing", "Hashing", "IntegerLookup", "RandomCrop", "StringLookup", "TextVectorization")
_OLDEST_JAX = (0, 10)  # as in the extra "jax"


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend, and what chose it."""

    name: Backend
    by: str  # "training.backend", "KERAS_BACKEND", "auto", or "auto: " and why it is not JAX

    def said(self, versions: Mapping[str, str]) -> str:
        """With its version, as "jax 0.10.2 (auto)"."""
        return f"{' '.join(filter(None, (self.name, versions.get(self.name))))} ({self.by})"


def choose_backend(study: StudySettings, *, environ: Mapping[str, str] = os.environ) -> BackendChoice:
    """The backend of `training.backend`; "auto" stands for `KERAS_BACKEND` if set, otherwise JAX where it serves.

    JAX serves where it is installed and no code of the model, loss or metrics imports TensorFlow, names one of the
    layers that need it, or has a `train_step(self, data)`, as Keras calls it on TensorFlow alone. Nothing is imported
    here. Raises `StudyError` if the backend is not installed, cannot run the study's code, or is one that ablate has
    not.
    """
    asked = study.training.backend
    named, place = (_named(environ), VARIABLE) if asked == "auto" else (asked, SETTING)
    if named is None:
        obstacle = _needs_tensorflow(list(uses_of_code(study)))
        return BackendChoice("tensorflow", f"auto: {obstacle}") if obstacle else usual_backend(environ=environ)
    shown = f"{VARIABLE}={named}" if asked == "auto" else f'{SETTING}: "{named}"'
    _check_installed(named, shown)
    if named == "jax" and (obstacle := _import_of_tensorflow(uses_of_code(study))):
        raise StudyError(
            f'{shown} cannot train this study: {obstacle}\n  use keras.ops instead, or set {SETTING} = "tensorflow"'
        )
    return BackendChoice(named, place)


def backend_of(study: StudySettings, *, environ: Mapping[str, str] = os.environ) -> Backend:
    """The name of the backend that `choose_backend` chooses. Raises `StudyError` as it does."""
    return choose_backend(study, environ=environ).name


def backend_used(study: StudySettings) -> str:
    """The backend that trains a study; "" where its own function or program trains."""
    return "" if study.model.trains_itself else backend_of(study)


def usual_backend(*, environ: Mapping[str, str] = os.environ) -> BackendChoice:
    """The backend that "auto" stands for where ablate builds the network. Raises `StudyError` as above."""
    if (named := _named(environ)) is not None:
        _check_installed(named, f"{VARIABLE}={named}")
        return BackendChoice(named, VARIABLE)
    fault = _fault("jax")
    return BackendChoice("tensorflow", f"auto: jax {fault}") if fault else BackendChoice("jax", "auto")


def trains_here(backend: Backend) -> bool:
    """Whether a backend is installed, in a version that ablate trains on."""
    return not _fault(backend)


@contextmanager
def keras_on(backend: str) -> Iterator[None]:
    """Let code of the user's that imports Keras inside the block import it with a backend; "": with any.

    A Keras that this process has imported already stays what it is.
    """
    before = os.environ.get(VARIABLE)
    if not backend or "keras" in sys.modules:
        yield
        return
    os.environ[VARIABLE] = backend
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def _needs_tensorflow(uses: Sequence[CodeUse]) -> str:
    """Why code cannot train on JAX, as "net.py imports tensorflow"; "" if nothing is seen that speaks against it."""
    layers = (f"{one.place} uses {layer}" for one in uses for layer in _LAYERS if layer in one.names)
    steps = (f"{one.place} has a {step}(self, data)" for one in uses for step in one.steps)
    return _import_of_tensorflow(uses) or next(layers, "") or next(steps, "")


def _import_of_tensorflow(uses: Iterable[CodeUse]) -> str:
    """Which code imports TensorFlow; "" if none does."""
    found = ((one.place, module) for one in uses for module in _TENSORFLOW if module in one.imported)
    return next((f"{place} imports {module}" for place, module in found), "")


def _named(environ: Mapping[str, str]) -> Backend | None:
    """The backend that the environment names. Raises `StudyError` if ablate does not train on it."""
    named = environ.get(VARIABLE, "")
    found = next((backend for backend in BACKENDS if backend == named), None)
    if named and found is None:
        raise StudyError(
            f"{VARIABLE}={printable(named)}: ablate trains on {listed(BACKENDS, 'or')}\n"
            f'  unset {VARIABLE}, or set {SETTING} = "tensorflow" in the study'
        )
    return found


def _check_installed(backend: Backend, place: str) -> None:
    if fault := _fault(backend):
        raise StudyError(f"{place}: {backend} {fault}\n  {_INSTALL[backend]}, or choose another backend")


def _fault(backend: Backend) -> str:
    """Why a backend cannot train here, after its name; "" if it can, as far as is seen without an import."""
    if not _is_installed(backend):
        return "is not installed"
    if backend == "jax" and (found := _version("jax")) and _numbers(found) < _OLDEST_JAX:
        return f"{found} is older than {'.'.join(map(str, _OLDEST_JAX))}"
    return ""


def _is_installed(library: str) -> bool:
    try:
        spec = find_spec(library)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.loader is not None  # a folder of this name is no library


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _numbers(found: str) -> tuple[int, ...]:
    return tuple(int(part) for part in found.split(".")[:2] if part.isdigit())


_INSTALL: Mapping[Backend, str] = {
    "jax": 'install it with: pip install "ablate-keras[jax]"',
    "tensorflow": "install it with: pip install tensorflow",
}
