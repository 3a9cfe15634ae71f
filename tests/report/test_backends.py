"""The backend in a report: in words, and of the installed libraries those behind the numbers."""

import dataclasses

import pytest
from synthetic import write_study

from ablate.report.backends import backend_said, versions_behind
from ablate.report.inputs import Inputs, read_inputs
from ablate.report.methods import methods_section
from ablate.report.origin import origin_section
from ablate.report.page import Definitions
from ablate.storage.provenance import Provenance

VERSIONS = {"python": "3.11", "tensorflow": "2.21.0", "jax": "0.10.2", "jaxlib": "0.10.2", "keras": "3.15.1"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    return read_inputs(write_study(tmp_path_factory.mktemp("backends") / "cifar_mlp", n_seeds=2))


def on(inputs: Inputs, backend: str | None, **facts: object) -> Inputs:
    changed = inputs.facts.to_json() | {"backend": backend, "versions": VERSIONS, **facts}
    return dataclasses.replace(inputs, facts=Provenance.from_json(changed))


def told(section) -> dict[str, str]:
    return dict(pair for block in section.blocks if isinstance(block, Definitions) for pair in block.pairs)


def test_the_backend_is_said_with_the_versions_of_keras_and_of_itself(inputs):
    assert backend_said(on(inputs, "jax")) == "Keras 3.15.1 on JAX 0.10.2"
    assert backend_said(on(inputs, "tensorflow")) == "Keras 3.15.1 on TensorFlow 2.21.0"
    assert backend_said(on(inputs, "jax", versions={})) == "Keras on JAX"
    assert backend_said(on(inputs, None)) == ""


def test_a_backend_that_was_only_installed_is_left_out(inputs):
    assert set(versions_behind(on(inputs, "jax"))) == {"python", "jax", "jaxlib", "keras"}
    assert set(versions_behind(on(inputs, "tensorflow"))) == {"python", "tensorflow", "keras"}
    assert set(versions_behind(on(inputs, None))) == set(VERSIONS)


def test_methods_and_provenance_name_it(inputs):
    inputs = dataclasses.replace(inputs, runs=inputs.runs.assign(trained_by="compiled"))
    compiled = on(inputs, "jax")
    assert told(methods_section(compiled))["Training"] == "Keras 3.15.1 on JAX 0.10.2 trained the networks."
    provenance = told(origin_section(on(inputs, "jax")))
    assert provenance["Backend"] == "Keras 3.15.1 on JAX 0.10.2"
    assert "tensorflow" not in provenance["Versions"]
    again = "ablate study cifar_mlp, with KERAS_BACKEND=jax, the study file below and data with the same fingerprint"
    assert provenance["Reproduce"] == again
    assert "Training" not in told(methods_section(on(inputs, None)))
    assert "Backend" not in told(origin_section(on(inputs, None)))


def test_of_runs_that_model_fit_trained_both_are_said(inputs):
    runs = inputs.runs.assign(trained_by="model.fit")
    said = told(methods_section(dataclasses.replace(on(inputs, "jax"), runs=runs)))["Training"]
    assert said.startswith("Keras 3.15.1 on JAX 0.10.2 trained the networks. Trained: ")
