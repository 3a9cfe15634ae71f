"""Set up JAX before its first operation: threads, GPU memory, the cache of compiled programs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ablate.training.engine.devices.program_cache import MOST_BYTES, open_program_cache

_THREADS = "NPROC"  # XLA's client reads the size of its thread pool from it


@dataclass(slots=True)
class _Started:
    """How JAX was started in this process."""

    threads: int = 0  # 0: as many as it sees processors
    programs: Path | None = None  # folder of compiled programs


_STARTED = _Started()


def prepare(threads: int | None) -> None:
    """Start JAX's devices with `threads` (None: one per processor), and GPU memory on demand."""
    pool = {} if threads is None else {_THREADS: str(threads)}
    with _environment({"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **pool}):
        import jax

        _STARTED.threads, _STARTED.programs = threads or 0, open_program_cache(threads)
        settings = {
            "jax_compilation_cache_dir": None if _STARTED.programs is None else str(_STARTED.programs),
            "jax_compilation_cache_max_size": MOST_BYTES,
            "jax_persistent_cache_min_compile_time_secs": 0.0,
            "jax_persistent_cache_min_entry_size_bytes": -1,
            "jax_raise_persistent_cache_errors": False,
        }
        for name, value in settings.items():
            jax.config.update(name, value)  # type: ignore[no-untyped-call]  # JAX types it in part
        jax.devices()


def programs_kept() -> Path | None:
    """The folder in which compiled programs outlive this process; None: there is none."""
    return _STARTED.programs


def gpu_names() -> list[str]:
    """The GPUs that JAX sees."""
    import jax

    return [f"{one.device_kind} {one.id}" for one in jax.devices() if one.platform == "gpu"]


def device_name() -> str:
    """The device of this process: "GPU" and its model, or "CPU" and its threads. Starts JAX's devices."""
    import jax

    one = jax.devices()[0]
    return f"GPU {one.device_kind}" if one.platform == "gpu" else f"CPU {threads_set()} threads"


def threads_set() -> int:
    """The threads set up for this process; 0: as many as it sees processors."""
    return _STARTED.threads


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the block; what the user has set stays."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]
