"""Say which of Keras' backends trained the networks of a study."""

from collections.abc import Mapping

from ablate.report.inputs import Inputs
from ablate.study.backend import NAMES

_OWN = {"jax": ("jax", "jaxlib"), "tensorflow": ("tensorflow",)}  # libraries that no other backend uses


def backend_said(inputs: Inputs) -> str:
    """With versions, as "Keras 3.15.1 on JAX 0.10.2"; "" if none is recorded, or none trained."""
    backend, versions = inputs.facts.backend, inputs.facts.versions or {}
    if not backend or inputs.is_imported or inputs.own_trial:
        return ""
    keras, other = versions.get("keras"), versions.get(backend)
    return f"{_numbered('Keras', keras)} on {_numbered(NAMES.get(backend, backend), other)}"


def versions_behind(inputs: Inputs) -> Mapping[str, str]:
    """The versions that the study records, without those of a backend that was only installed."""
    backend, versions = inputs.facts.backend, inputs.facts.versions or {}
    others = {name for other, own in _OWN.items() if backend and other != backend for name in own}
    return {name: version for name, version in versions.items() if name not in others}


def _numbered(name: str, version: str | None) -> str:
    return f"{name} {version}" if version else name
