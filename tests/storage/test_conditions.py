import os
from dataclasses import fields, replace

import pytest

from ablate import system
from ablate.storage import conditions
from ablate.storage.conditions import (
    Conditions,
    changed,
    described,
    of_begun,
    of_process,
    of_provenance,
    of_workers,
    unknown,
)
from ablate.storage.facts import Facts
from ablate.storage.provenance import Provenance
from ablate.storage.resume import StartingConditions, notes_on, resume_checks
from ablate.storage.trial_cache import TrialCache
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Transfer
from ablate.study.trial import Label, TrialSpec

BASE = Conditions("p1", "m1", {"keras": "3.14"}, "tensorflow", "CPU one", 1, 1, {"XLA_FLAGS": "--a"})
OTHER = {
    "package": "p2",
    "model": "m2",
    "versions": {"keras": "3.15"},
    "backend": "jax",
    "device": "CPU two",
    "threads": 2,
    "processors": 2,
    "flags": {"XLA_FLAGS": "--b"},
}
INGREDIENTS = [field.name for field in fields(Conditions)]


@pytest.fixture
def machine(monkeypatch):
    """Eight processors, no GPU, none of the flags; with names of GPUs, as many of them."""
    for name in (*conditions.FLAGS, *conditions.NUMPY_FLAGS, "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)

    def of(*gpus: str, cores: int = 8) -> None:
        hardware = {"machine": "", "cpu": "a processor", "cores": cores, "memory_gb": 1.0, "gpus": list(gpus)}
        monkeypatch.setattr(system, "hardware", lambda: hardware)
        monkeypatch.setattr(system, "usable_cores", lambda: cores)
        monkeypatch.setattr(system, "count_gpus", lambda: len(gpus))

    of()
    return of


@pytest.fixture
def load_own(tiny_study):
    """A study whose trials a program trains."""
    return tiny_study.model_copy(update={"model": ModelRef.of("$ python train.py")})


@pytest.fixture
def own_study(tiny_study, tmp_path):
    """A study whose model is the user's."""
    (tmp_path / "mine.py").write_text("def build(): ...")
    model = ModelRef.of("mine.py:build")
    return tiny_study.model_copy(update={"model": model, "base": tmp_path})


def keys(study, data, folder, monkeypatch, found: Conditions) -> dict[str, str]:
    """All keys of a study under these conditions."""
    from ablate.training.engine import context as of_engine
    from ablate.training.pretraining import find_origin
    from ablate.training.run_range_test import RateFinder

    monkeypatch.setattr(of_engine, "of_process", lambda *_, **__: found)
    monkeypatch.setattr(Facts, "conditions", lambda _: found)
    facts = Facts(study, data, "tiny", "", 2, 1, "", "2026-11-21")
    spec = TrialSpec("a", Label("ablation", "reference"), 1, {"optimizer": "adam", "learning_rate": 0.1})
    before = study.model_copy(update={"transfer": Transfer(classes=(0, 1), train=100, validation=50)})
    context = of_engine.TrainingContext(study, data, memory=folder)
    return {
        "cache": TrialCache(folder, facts, stack=None).digest(spec, tested=True),
        "range test": RateFinder(context, cache=None).key(study.baseline, replicate=1),
        "pretraining": find_origin(before, replace(data, pretraining=data), cache=None).key(
            {**study.baseline, "transfer": "unfrozen"}, replicate=1
        ),
        "compile choice": str(context._programs._place("xla")),
    }


def test_every_ingredient_is_in_every_key(tiny_study, digits, tmp_path, monkeypatch):
    assert sorted(OTHER) == sorted(INGREDIENTS)
    of = {"": keys(tiny_study, digits, tmp_path, monkeypatch, BASE)}
    for name, other in OTHER.items():
        of[name] = keys(tiny_study, digits, tmp_path, monkeypatch, replace(BASE, **{name: other}))
    for what in of[""]:
        assert len({found[what] for found in of.values()}) == 1 + len(INGREDIENTS), what
    assert keys(tiny_study, digits, tmp_path, monkeypatch, replace(BASE)) == of[""]


@pytest.mark.parametrize("name", INGREDIENTS)
def test_every_ingredient_is_told_by_resume_and_by_verify(name):
    now = replace(BASE, **{name: OTHER[name]})
    old, new = StartingConditions(BASE, "d"), StartingConditions(now, "d")
    judged = resume_checks(old, new, code="mine.py", data_is_told=False)
    assert len(judged) + len(list(notes_on(old, new))) == 1
    assert len(list(changed(BASE, now))) == (name != "model")  # verify compares that by itself
    assert list(changed(BASE, BASE)) == list(notes_on(old, old)) == []


@pytest.mark.usefixtures("machine")
def test_the_record_says_what_is_here(own_study, monkeypatch):
    here = of_workers(own_study, workers=2, threads=3)
    assert (here.backend, here.device, here.threads, here.processors) == ("tensorflow", "CPU a processor", 3, 3)
    assert set(here.versions) == {"tensorflow", "keras", "numpy", "python"}
    assert here.flags == {}
    assert here.package
    monkeypatch.setattr(system, "versions", lambda: {"python": "3.12.9", "keras": "3.1", "pandas": "2.0"})
    assert of_workers(own_study, workers=2, threads=3).versions == {"keras": "3.1", "python": "3.12"}


def test_a_worker_records_what_the_process_that_started_it_does(machine, own_study):
    for workers, threads in ((4, 2), (8, 1), (3, 4), (1, 8)):
        machine()
        planned = of_workers(own_study, workers=workers, threads=threads)
        machine(cores=threads if workers * threads <= 8 else 8)  # what the worker is pinned to
        assert of_process(own_study, threads=threads, on_gpu=False) == planned
    machine("NVIDIA H200", "NVIDIA H200")
    assert of_process(own_study, threads=4, on_gpu=True) == of_workers(own_study, workers=2, threads=4)


@pytest.mark.usefixtures("machine")
def test_without_a_number_of_threads_there_is_one_a_processor(own_study):
    assert of_process(own_study, threads=0, on_gpu=False).threads == 8


@pytest.mark.usefixtures("machine")
def test_workers_that_cannot_be_pinned_see_all_processors(own_study, monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert of_workers(own_study, workers=4, threads=2).processors == 8


def test_threads_of_the_processor_are_no_matter_on_a_gpu(machine, own_study):
    machine("NVIDIA H200")
    one, two = (of_workers(own_study, workers=n, threads=4 // n) for n in (1, 2))
    assert one == two
    assert (one.device, one.threads, one.processors) == ("GPU NVIDIA H200", 0, 0)


def test_of_gpus_of_several_kinds_the_chosen_ones_are_named(machine, own_study, monkeypatch):
    machine("NVIDIA L4", "NVIDIA A100", "NVIDIA L4")
    assert of_workers(own_study, workers=3, threads=1).device == "GPU NVIDIA A100, NVIDIA L4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert of_workers(own_study, workers=1, threads=1).device.endswith("NVIDIA L4 (CUDA_VISIBLE_DEVICES=1)")
    machine("NVIDIA L4", "NVIDIA L4")
    assert of_workers(own_study, workers=1, threads=1).device == "GPU NVIDIA L4"


def test_what_tensorflow_trains_on_counts_where_the_driver_says_otherwise(machine, own_study):
    assert of_process(own_study, threads=1, on_gpu=True).device == "GPU of an unknown kind"
    machine("NVIDIA L4")
    assert of_process(own_study, threads=1, on_gpu=False).device == "CPU a processor"


@pytest.mark.parametrize("name", conditions.FLAGS)
@pytest.mark.usefixtures("machine")
def test_flags_that_are_set_are_in_the_record(tiny_study, monkeypatch, name):
    monkeypatch.setenv(name, "")
    assert of_workers(tiny_study, workers=1, threads=1).flags == {}
    monkeypatch.setenv(name, "--1")
    assert of_workers(tiny_study, workers=1, threads=1).flags == {name: "--1"}


@pytest.mark.usefixtures("machine")
def test_flags_in_a_file_count_by_its_content(tiny_study, monkeypatch, tmp_path):
    monkeypatch.setenv("XLA_FLAGS", str(tmp_path / "flags"))
    assert of_workers(tiny_study, workers=1, threads=1).flags == {"XLA_FLAGS": str(tmp_path / "flags")}
    (tmp_path / "flags").write_text("--xla_cpu_enable_fast_math=true\n")
    assert of_workers(tiny_study, workers=1, threads=1).flags == {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true"}


@pytest.mark.usefixtures("machine")
def test_threads_of_numpys_products_count_for_a_users_model_alone(tiny_study, own_study, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert of_workers(tiny_study, workers=1, threads=1).flags == {}
    assert of_workers(own_study, workers=1, threads=1).flags == {"OMP_NUM_THREADS": "1"}


@pytest.mark.usefixtures("machine")
def test_the_users_code_is_in_the_record_unless_it_is_lost(own_study):
    before = of_workers(own_study, workers=1, threads=1)
    (own_study.base / "mine.py").write_text("def build(): return 1")
    after = of_workers(own_study, workers=1, threads=1)
    assert before.model != after.model
    assert replace(after, model=before.model) == before
    (own_study.base / "mine.py").unlink()
    assert of_workers(own_study, workers=1, threads=1).model == ""


@pytest.mark.usefixtures("machine")
def test_an_older_record_lacks_what_it_did_not_write(tiny_study):
    older = of_begun({"package": "p", "model": "", "versions": {"keras": "3.14"}, "data": "d", "notes": []})
    assert older == Conditions("p", "", {"keras": "3.14"}, "tensorflow", "", 0, 0, None)
    now = replace(of_workers(tiny_study, workers=1, threads=1), package="p", versions={"keras": "3.14", "numpy": "2"})
    assert list(changed(older, now)) == []
    assert unknown(older, now) == ["numpy", "flags", "device", "threads per worker", "processors per worker"]
    for broken in ({}, {"package": "", "model": "", "versions": 3}, {"package": "", "model": "", "versions": {},
                                                                     "threads": "many"}):  # fmt: skip
        with pytest.raises((ValueError, KeyError, AttributeError)):
            of_begun(broken)


@pytest.mark.usefixtures("machine")
def test_provenance_says_the_backend():
    facts = {"backend": "jax", "versions": {"keras": "3.15", "jax": "0.10", "tensorflow": "2.21", "mlflow": "3"}}
    there = of_provenance(Provenance.from_json(facts))
    assert (there.backend, there.versions) == ("jax", {"keras": "3.15", "jax": "0.10"})
    before = of_provenance(Provenance.from_json({"versions": facts["versions"]}))
    assert (before.backend, before.versions) == ("tensorflow", {"keras": "3.15", "tensorflow": "2.21"})


@pytest.mark.usefixtures("machine")
def test_provenance_says_the_machine():
    hardware = {"cpu": "a processor", "cores": 2, "gpus": []}
    facts = {"workers": 3, "threads": 1, "hardware": hardware, "versions": {"keras": "3.14", "mlflow": "3"}}
    there = of_provenance(Provenance.from_json(facts))
    assert (there.device, there.threads, there.processors) == ("CPU a processor", 1, 2)
    assert (there.versions, there.flags) == ({"keras": "3.14"}, None)
    on_gpu = of_provenance(Provenance.from_json({**facts, "hardware": {**hardware, "gpus": ["NVIDIA L4"]}}))
    assert (on_gpu.device, on_gpu.threads, on_gpu.processors) == ("GPU NVIDIA L4", 0, 0)
    assert described(of_provenance(Provenance())) == {"backend": "tensorflow"}


def test_the_digest_of_the_package_follows_the_code_that_decides_numbers_wherever_it_stands(tmp_path, monkeypatch):
    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def digest():
        conditions.package_digest.cache_clear()
        return conditions.package_digest()

    for name in ("models/build.py", "training/step.py", "report.py"):
        write(name, f"x = '{name}'\n")
    monkeypatch.setattr(conditions, "PACKAGE", tmp_path)
    before = digest()
    write("report.py", "x = 2\n")
    assert digest() == before
    write("training/step.py", "import math\n")
    write("training/other.py", "x = 'training/step.py'  # moved\n")
    assert digest() == before
    write("training/step.py", "x = 2\n")
    assert digest() != before
    conditions.package_digest.cache_clear()


def test_versions_of_libraries_that_one_backend_alone_has_say_nothing_beside_its_change():
    before = replace(BASE, versions={"tensorflow": "2.21", "keras": "3.15", "python": "3.11"})
    now = replace(BASE, backend="jax", versions={"jax": "0.10.2", "jaxlib": "0.10.2", "keras": "3.16"})
    assert list(changed(before, now)) == [
        ("keras", "3.15", "3.16"), ("python", "3.11", "none"), ("backend", "tensorflow", "jax"),
    ]  # fmt: skip
    assert unknown(before, now) == []
    newer = replace(now, versions=now.versions | {"jax": "0.11"})
    assert list(changed(now, newer)) == [("jax", "0.10.2", "0.11")]


def test_where_the_users_code_trains_an_older_record_of_a_backend_is_no_change():
    before = replace(BASE, versions={"tensorflow": "2.21"})
    assert list(changed(before, replace(before, backend=""))) == []


@pytest.mark.usefixtures("machine")
def test_the_backend_and_its_libraries_are_those_that_train(tiny_study, load_own, monkeypatch):
    monkeypatch.setattr(system, "versions", lambda: dict.fromkeys(("tensorflow", "jax", "jaxlib", "keras"), "1"))

    def on(backend):
        training = tiny_study.training.model_copy(update={"backend": backend})
        return of_workers(tiny_study.model_copy(update={"training": training}), workers=1, threads=1)

    assert (on("jax").backend, set(on("jax").versions)) == ("jax", {"jax", "jaxlib", "keras"})
    assert (on("tensorflow").backend, set(on("tensorflow").versions)) == ("tensorflow", {"tensorflow", "keras"})
    assert on("jax").digest() != on("tensorflow").digest()
    own = of_workers(load_own, workers=1, threads=1)
    assert (own.backend, set(own.versions)) == ("", {"tensorflow", "jax", "jaxlib", "keras"})
