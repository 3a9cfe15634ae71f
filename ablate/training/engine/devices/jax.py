"""Set up JAX before its first operation: threads, GPU memory."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_THREADS = "NPROC"  # XLA's client reads the size of its thread pool from it
_STARTED = {"threads": 0}  # of this process, as set up; 0: as many as it sees processors


def prepare(threads: int | None) -> None:
    """Start JAX's devices with `threads` (None: one per processor) and GPU memory on demand."""
    pool = {} if threads is None else {_THREADS: str(threads)}
    with _environment({"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **pool}):
        import jax

        jax.devices()
    _STARTED["threads"] = threads or 0


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
    return _STARTED["threads"]


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
