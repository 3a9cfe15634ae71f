"""Record what a trial's numbers depend on besides its spec: code, libraries, device, threads and the environment."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ablate import system
from ablate.storage.provenance import HardwareFacts, Provenance
from ablate.study.backend import backend_used
from ablate.study.settings import StudySettings
from ablate.study.user_code import definition_digests, joint_digest, study_digest
from ablate.system import NUMERIC

BEFORE = "tensorflow"  # the backend of records that name none: there was no other
_LIBRARIES: Mapping[str, tuple[str, ...]] = {  # whose versions decide numbers, by backend
    "tensorflow": ("tensorflow", "keras", "numpy"),
    "jax": ("jax", "jaxlib", "keras", "numpy"),
}
PACKAGE = Path(__file__).parents[1]
OWN_CODE, DEVICE = "ablate's code", "device"  # readable names of the ingredients
# Installed beside TensorFlow, not with it; the kernels of a GPU come from them.
GPU_LIBRARIES = (
    "nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-cuda-nvcc-cu12", "nvidia-cublas", "nvidia-cudnn-cu13",
    "nvidia-cuda-nvcc",
)  # fmt: skip
# Environment variables that change rounding or programs in TensorFlow, XLA, oneDNN and CUDA. Thread counts are not
# among them: workers set theirs. Measured: OMP_NUM_THREADS changes no bit of training, TF_ENABLE_ONEDNN_OPTS=0 does.
FLAGS = (
    "XLA_FLAGS", "TF_XLA_FLAGS", "TF_DETERMINISTIC_OPS", "TF_DISABLE_JIT_KERNELS",
    "TF_ENABLE_ONEDNN_OPTS", "TF_ENABLE_ZENDNN_OPTS", "TF_ENABLE_ONEDNN_SPMM", "TF_SET_ONEDNN_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "MKL_CBWR",
    "TF_USE_DEEP_CONV2D", "TF_ENABLE_WINOGRAD_NONFUSED",
    "NVIDIA_TF32_OVERRIDE", "TF32_OVERRIDE", "TF_CONV2D_USE_FP16_ACCUMULATE", "TF_FP16_CONV_USE_FP32_COMPUTE",
    "TF_FP16_MATMUL_USE_FP32_COMPUTE", "TF_FP16_RNN_USE_FP32_COMPUTE",
    "TF_USE_CUBLASLT", "TF_MATMUL_AUTOTUNE_ENABLE", "CUBLAS_WORKSPACE_CONFIG", "TF_CUBLAS_WORKSPACE_LIMIT_IN_MB",
    "TF_CUDNN_DETERMINISTIC", "TF_CUDNN_USE_AUTOTUNE", "TF_CUDNN_RNN_USE_AUTOTUNE", "TF_CUDNN_USE_RUNTIME_FUSION",
    "TF_CUDNN_WORKSPACE_LIMIT_IN_MB", "TF_CUDNN_DISABLE_CONV_1X1_OPTIMIZATION", "TF_USE_DEFAULT_CONV_ALGO",
    "TF_USE_CUDNN_BATCHNORM_SPATIAL_PERSISTENT",
)  # fmt: skip
# Thread counts of numpy's matrix products; measured: they change the bits. Only a user's code has such products.
NUMPY_FLAGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS")
_WHICH_GPU = ("CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES")
# Modules of this package that decide a trial's numbers; what else they import decides none.
DECIDING = (
    "training/", "models/", "study/rate.py", "study/catalog.py", "study/seeds.py", "study/trial.py", "data/split.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a trial's numbers depend on besides its spec.

    The process that starts the workers makes the record with `of_workers`, each worker makes its own with
    `of_process`, from the threads of its task. Both are equal: they read the same machine, code and environment, and
    a worker is pinned to as many processors as `of_workers` says. On a machine with GPUs of several kinds, a worker
    knows more: which GPU it was given. Neither imports TensorFlow.

    A record that was read from a file may lack ingredients, as older versions wrote fewer: "", 0 or None there.
    """

    package: str  # digest of the modules of this package that decide a trial's numbers
    model: str  # digest of the user's code: model, data, loss, metrics; "" if there is none, or a file is missing
    versions: Mapping[str, str]  # Python's version without its patch number, and the versions of `NUMERIC`
    backend: str  # of Keras; "" where the user's own code trains
    device: str  # kind, as "CPU AMD EPYC" or "GPU NVIDIA H200"
    threads: int  # threads of a worker; 0 on a GPU, where numbers depend on neither this nor the next field
    processors: int  # processors that a worker sees: XLA divides its loops by them
    flags: Mapping[str, str] | None  # the variables of FLAGS that are set; None: not recorded

    def digest(self) -> str:
        """SHA-256 of all conditions, hexadecimal: an ingredient of every key."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def of_workers(study: StudySettings | None, *, workers: int, threads: int) -> Conditions:
    """The conditions of `workers` processes on this machine, with a number of threads each.

    Workers get processors of their own if there are enough for all of them, and share all otherwise. Without a `study`,
    the user's code is left out.
    """
    cores, on_gpu = system.usable_cores(), system.count_gpus() > 0
    own = hasattr(os, "sched_setaffinity") and workers * threads <= cores
    return _here(study, on_gpu=on_gpu, threads=threads, processors=threads if own else cores)


def of_process(study: StudySettings, *, threads: int, on_gpu: bool) -> Conditions:
    """The conditions of this process, which trains without workers; `threads` of 0: one per processor."""
    cores = system.usable_cores()
    return _here(study, on_gpu=on_gpu, threads=threads or cores, processors=cores)


def of_begun(text: Mapping[str, Any]) -> Conditions:  # Any: JSON
    """Read the conditions from the content of begun.json, including files of older versions."""
    flags = text.get("flags")
    return Conditions(
        package=str(text["package"]),
        model=str(text["model"]),
        versions={str(name): str(version) for name, version in text["versions"].items()},
        backend=str(text.get("backend", BEFORE)),
        device=str(text.get("device", "")),
        threads=int(text.get("threads", 0)),
        processors=int(text.get("processors", 0)),
        flags=None if flags is None else {str(name): str(value) for name, value in flags.items()},
    )


def of_provenance(facts: Provenance) -> Conditions:
    """Read the conditions that provenance.json holds; it has neither flags nor a digest of this package."""
    hardware, threads, workers = facts.hardware or HardwareFacts(), facts.threads or 0, facts.workers or 0
    gpus, cores = hardware.gpus or [], hardware.cores or 0
    processors = threads if workers * threads <= cores else cores
    return Conditions(
        package="",
        model=str((facts.model or {}).get("code") or ""),
        versions=_deciding(facts.versions or {}, backend := facts.backend or BEFORE),
        backend=backend,
        device=_device(gpus, hardware.cpu or ""),
        threads=0 if gpus else threads,
        processors=processors if workers and threads and cores and not gpus else 0,
        flags=None,
    )


def described(conditions: Conditions) -> dict[str, str]:
    """All known conditions except the user's code, under readable names."""
    return {**_code_and_libraries(conditions), **(conditions.flags or {}), **_machine(conditions)}


def changed(before: Conditions, now: Conditions) -> Iterator[tuple[str, str, str]]:
    """Known conditions of `before` that differ now, as (name, before, now); the user's code is left out."""
    old, new = _code_and_libraries(before), _code_and_libraries(now)
    apart = _told_by_backend(before, now)
    named = [(name, was, new.get(name, "none")) for name, was in old.items() if name not in apart]
    if before.flags is not None and now.flags is not None:
        names = dict.fromkeys((*before.flags, *now.flags))
        named += [(name, before.flags.get(name, "unset"), now.flags.get(name, "unset")) for name in names]
    here = _machine(now)
    named += [(name, was, here[name]) for name, was in _machine(before).items() if name in here]
    yield from ((name, was, is_now) for name, was, is_now in named if was != is_now)


def unknown(before: Conditions, now: Conditions) -> list[str]:
    """The names of the conditions that were not recorded."""
    old = {*described(before), *_told_by_backend(before, now)}
    libraries, machine = ([name for name in some(now) if name not in old] for some in (_code_and_libraries, _machine))
    return [*libraries, *(["flags"] if before.flags is None else []), *machine]


def model_digest(study: StudySettings) -> str:
    """Digest of the user's code behind a study; "" if it cannot be read, which loading it reports better."""
    try:
        return study_digest(study)
    except OSError:
        return ""


@cache
def package_digest() -> str:
    """Digest of this package's code that decides a trial's numbers, hexadecimal; moving the code changes nothing."""
    deciding = (path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).as_posix().startswith(DECIDING))
    return joint_digest(digest for path in deciding for digest in definition_digests(path.read_bytes()))


def _here(study: StudySettings | None, *, on_gpu: bool, threads: int, processors: int) -> Conditions:
    hardware = system.hardware()
    gpus = (hardware["gpus"] or ["of an unknown kind"]) if on_gpu else []
    model = model_digest(study) if study is not None else ""
    backend = backend_used(study) if study is not None else ""
    return Conditions(
        package=package_digest(),
        model=model,
        versions=_deciding(system.versions(), backend) | (_gpu_versions() if on_gpu else {}),
        backend=backend,
        device=_device(gpus, hardware["cpu"]) + _which(gpus),
        threads=0 if on_gpu else threads,
        processors=0 if on_gpu else processors,
        flags=_flags(FLAGS + (NUMPY_FLAGS if model else ())),
    )


def _deciding(versions: Mapping[str, str], backend: str) -> dict[str, str]:
    """The versions that numbers depend on; Python's too: since 3.12, its `sum` rounds differently."""
    names = _LIBRARIES.get(backend, NUMERIC)
    found = {name: versions[name] for name in names if versions.get(name)}
    return found | ({"python": ".".join(versions["python"].split(".")[:2])} if versions.get("python") else {})


def _gpu_versions() -> dict[str, str]:
    found = {}
    for name in GPU_LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _device(gpus: Sequence[str], cpu: str) -> str:
    if gpus:
        return f"GPU {', '.join(sorted(set(gpus)))}"
    return f"CPU {cpu}" if cpu else ""


def _which(gpus: Sequence[str]) -> str:
    """The variables that choose among GPUs of several kinds: nothing else says which kind is used."""
    chosen = [f"{name}={os.environ[name]}" for name in _WHICH_GPU if name in os.environ]
    return f" ({', '.join(chosen)})" if chosen and len(set(gpus)) > 1 else ""


def _flags(names: Sequence[str]) -> dict[str, str]:
    """The variables that are set; an empty value counts as unset, as the libraries read it."""
    flags = {name: os.environ[name] for name in names if os.environ.get(name)}
    if flags.get("XLA_FLAGS", "-")[0] != "-":  # the name of a file that holds the flags
        with suppress(OSError):
            flags["XLA_FLAGS"] = Path(flags["XLA_FLAGS"]).read_text(errors="replace").strip()
    return flags


def _code_and_libraries(conditions: Conditions) -> dict[str, str]:
    listed = {name: conditions.versions.get(name, "") for name in NUMERIC}
    named = {OWN_CODE: conditions.package[:12], **listed, **conditions.versions, "backend": conditions.backend}
    return {name: value for name, value in named.items() if value}


def _told_by_backend(before: Conditions, now: Conditions) -> Collection[str]:
    """The names that say nothing more where the backends differ: the versions of libraries that only one of them has.

    Where the user's own code trains, no backend of ours does, but older versions recorded one.
    """
    if before.backend == now.backend:
        return ()
    if not (before.backend and now.backend):
        return ("backend",)
    return set(_LIBRARIES.get(before.backend, ())) ^ set(_LIBRARIES.get(now.backend, ()))


def _machine(conditions: Conditions) -> dict[str, str]:
    named = {
        DEVICE: conditions.device.partition(" ")[2],
        "threads per worker": str(conditions.threads or ""),
        "processors per worker": str(conditions.processors or ""),
    }
    return {name: value for name, value in named.items() if value}
