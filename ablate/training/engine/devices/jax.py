"""Set up JAX before its first operation: threads, GPU memory."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_THREADS = "NPROC"  # XLA's client reads the size of its thread pool from it
_ON_DEMAND = "XLA_PYTHON_CLIENT_PREALLOCATE"  # a user who has set it decides
_NARROWED = r"Explicitly requested dtype u?(int|float|complex)"  # JAX's warning: "… will be truncated to"
_STARTED = {"threads": 0}  # of this process, as set up; 0: as many as it sees processors


def prepare(threads: int | None) -> None:
    """Start JAX's devices with `threads` (None: one per processor) and GPU memory on demand.

    Numbers of 64 bits stay off, as is usual on JAX: where Keras or a user's code asks for them, nothing is said.
    """
    pool = {} if threads is None else {_THREADS: str(threads)}
    usual = {} if _ON_DEMAND in os.environ else {_ON_DEMAND: "false"}
    with _environment({**usual, **pool}):
        import jax

        jax.devices()
    warnings.filterwarnings("ignore", _NARROWED, UserWarning)
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
    """Set environment variables inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
