"""Describe this machine, its libraries and the checkout for reports, measure memory, and handle stop signals."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TypedDict

NUMERIC = ("tensorflow", "jax", "jaxlib", "keras", "numpy")  # libraries whose versions decide a trial's numbers
LIBRARIES = (
    "tensorflow", "jax", "jaxlib", "keras", "optuna", "mlflow", "numpy", "pandas", "scipy", "statsmodels", "seaborn",
)  # fmt: skip
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
BREATH = 1.0  # seconds within which systems repeat a signal: a closed terminal sends SIGHUP twice, systemd two signals


class Hardware(TypedDict):
    """The facts that a reader needs to judge times and rounding."""

    machine: str
    cpu: str
    cores: int
    memory_gb: float
    gpus: list[str]


class Git(TypedDict):
    """The checkout that the study was started from."""

    commit: str
    dirty: bool


def versions(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """The versions of Python and of those of the libraries that are installed; nothing is imported."""
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> Hardware:
    """This machine, without importing a library: GPUs are those that NVIDIA's driver lists."""
    return {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gb": round(memory_bytes() / 2**30, 1),
        "gpus": _gpus(),
    }


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu_names() -> list[str]:
    """The GPUs available to TensorFlow, restricted by CUDA_VISIBLE_DEVICES; none if CUDA's libraries are missing.

    Nothing is imported: a machine with a driver but a TensorFlow without CUDA trains on its processors.
    """
    if not _gpus() or (find_spec("nvidia") is None and find_library("cudart") is None):
        return []
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return [str(number) for number in range(len(_gpus()))]
    names = [name.strip() for name in shown.split(",")]
    return [name for name in names if name and name != "-1"]


def count_gpus() -> int:
    """The number of GPUs available for training."""
    return len(gpu_names())


def gpu_memory_bytes() -> list[int]:
    """The memory of each GPU available for training, as NVIDIA's driver tells; 0 if unknown."""
    names = gpu_names()
    if not names:
        return []
    command = ["nvidia-smi", f"--id={','.join(names)}", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        found = [int(line) * 2**20 for line in done.stdout.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        found = []
    return found if len(found) == len(names) else [0] * len(names)


def git_state(folder: Path) -> Git | None:
    """The commit of the checkout that contains `folder`, and whether it has changes; None outside of a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain"))} if commit else None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def memory_bytes() -> int:
    """The memory available to this process: the machine's, or less if a container or a cluster's job limits it.

    0 if unknown.
    """
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
    return min([machine, *control_group_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))])


def control_group_limits(membership: Path, mounted: Path) -> list[int]:
    """Limits in bytes on the memory of the Linux control groups that a process is in, outer ones included."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, name = mounted / "memory", "memory.limit_in_bytes"
        elif not controllers:
            root, name = mounted, "memory.max"
        else:
            continue
        inner = root / group.lstrip("/")  # in a container, the path may be the host's: use root
        folders = [inner, *(folder for folder in inner.parents if folder.is_relative_to(root))]
        limits += [limit for folder in folders if (limit := _limit(folder / name)) is not None]
    return limits


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None


def held_memory_bytes(pid: int) -> int:
    """The private memory of a process, swapped out or not, without mapped files. 0 if unknown."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:", "VmSwap:")))


def tree_memory_bytes(pid: int, *, exact_above: int) -> int:
    """The private memory of a process and of all that descend from it, without mapped files. 0 if unknown.

    Up to `exact_above` bytes it is the plain sum. Above, memory that forked processes share counts once, which takes
    the system longer to find out.
    """
    pids = [pid, *_descendants(pid)]
    total = sum(held_memory_bytes(one) for one in pids)
    if len(pids) == 1 or total <= exact_above:
        return total
    return sum(_share_of_memory(one) or held_memory_bytes(one) for one in pids)


def _descendants(pid: int) -> list[int]:
    found, waiting = list[int](), [pid]
    while waiting:
        try:
            tasks = sorted(Path(f"/proc/{waiting.pop()}/task").iterdir())
            own = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:  # it is gone, or the system does not say
            continue
        found += own
        waiting += own
    return found


def _share_of_memory(pid: int) -> int:
    """A process's private memory, each page divided by the number of processes that share it. 0 if unknown."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(
        int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))
    )


def peak_memory_bytes() -> int:
    """The peak memory of this process."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:  # `resource` would do on Linux, except for a spawned process, which inherits its parent's peak
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _gpus() -> list[str]:
    try:
        cards = sorted(Path("/proc/driver/nvidia/gpus").iterdir())
        texts = [(card / "information").read_text() for card in cards]
    except OSError:
        return []
    lines = [line for text in texts for line in text.splitlines() if line.startswith("Model:")]
    return [line.partition(":")[2].strip() for line in lines]


@contextmanager
def on_stop_signal(handle: Callable[[], None]) -> Iterator[None]:
    """Inside the block, the first of these signals calls `handle` in a thread; the next raises KeyboardInterrupt.

    A signal that was ignored before stays ignored, as under nohup and for background jobs. A second signal
    within a `BREATH` is the same request, unless it is Ctrl-C: a user who types it twice means it. Only the main
    thread may set this; in other threads, signals stay as they were.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: SimpleQueue[bool] = SimpleQueue()
    thread = threading.Thread(target=_call_when, args=(asked, handle), name="stop", daemon=True)
    thread.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    handler = _handler(asked)
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
        asked.put(False)
        thread.join(BREATH)


def _handler(asked: "SimpleQueue[bool]") -> Callable[[int, FrameType | None], None]:
    # This interrupts any line of the main thread, which may hold any lock: nothing is set, shown or written here.
    # Putting something into a SimpleQueue is safe.
    first: list[float] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            asked.put(True)
        elif number == signal.SIGINT or time.monotonic() - first[0] > BREATH:
            raise KeyboardInterrupt

    return on_signal


def _call_when(asked: "SimpleQueue[bool]", handle: Callable[[], None]) -> None:
    if asked.get():
        handle()
