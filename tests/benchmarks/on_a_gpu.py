"""What does a GPU bring to trials? Stacks of them, `model.fit`, bfloat16 and memory on the first device that JAX has.

    python tests/benchmarks/on_a_gpu.py [--seconds 420] [--repeats 5] [--json FILE] [--packages FOLDER ...] [--small]

Needs JAX, Keras, NumPy and pydantic, which this package's settings are checked with; not TensorFlow, MLflow or Optuna,
and the end says so if one of them was imported. Where a package is missing and nothing can be downloaded, fetch it
elsewhere with `pip download` for this Python, unpack it with `pip install --target FOLDER`, and name the folder in
`--packages`. Runs on a CPU, too; `--small` takes a minute or two there and shows that all parts work.

The networks are cifar_mlp's plain one, 20 × 100 with ELU, Nadam, 20,000 examples an epoch, and the CNN of
versus_peers.py, three pairs of convolutions with Adam and 4,000 examples; batch 32; examples are random numbers of
CIFAR-10's shape from a fixed seed, so accuracies mean nothing here. Parts, in this order:

equality: the weights after 50 steps in a program on the device, and after 50 single steps on the CPU of the same
machine, from equal weights on equal batches: the largest difference in a tensor over its largest weight. Once with
JAX's products as they are by default (a recent NVIDIA card rounds the factors of float32 products to TF32), once with
full float32.
stacks: an epoch of K trials in one program: seconds, their ratio to K = 1, the throughput over that of `model.fit`,
which trains trial after trial on the same device (its epoch is timed after a first one), the seconds of compiling, the
peak of the device's memory so far. Aims: K = 64 in under 4 times K = 1 for the MLP; 3 times the throughput of
`model.fit` for the CNN at the best K.
best size: the K that a study would choose here (`compiling.best_size`).
bfloat16: the same epochs in Keras' mixed_bfloat16.

Times are the median [least, most] of `--repeats` epochs after a first one. Each part may use the time until its share
of `--seconds` has passed, with what the parts before it left; what no longer fits is skipped and named. With `--json`,
or with a folder named by the environment variable OUT, each line of the tables is also a line of JSON.
"""

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

# Modules and the distributions that bring them: Keras' own needs, too, so that one message names all that is missing.
NEEDED = {
    "jax": "jax", "numpy": "numpy", "keras": "keras", "pydantic": "pydantic", "pydantic_core": "pydantic-core",
    "annotated_types": "annotated-types", "typing_inspection": "typing-inspection",
    "typing_extensions": "typing-extensions", "absl": "absl-py", "rich": "rich", "namex": "namex", "h5py": "h5py",
    "optree": "optree", "ml_dtypes": "ml-dtypes", "packaging": "packaging", "scipy": "scipy",
    "opt_einsum": "opt-einsum", "pygments": "pygments", "markdown_it": "markdown-it-py", "mdurl": "mdurl",
}  # fmt: skip
NOT_NEEDED = ("tensorflow", "mlflow", "optuna")
SHARES = {"equality": 0.2, "stacks of mlp": 0.25, "stacks of cnn": 0.25, "best size": 0.15, "bfloat16": 0.15}
AIMS = {"mlp": "aim: 64 in under 4 times the time of one", "cnn": "aim: 3 times model.fit's throughput"}
SEED, RATE = 1, 3e-4


@dataclass(frozen=True)
class Network:
    """A network and how much of it is measured."""

    name: str
    optimizer: str
    images: int  # an epoch
    sizes: tuple[int, ...]  # trials in one program
    shape: tuple[int, ...] = (32, 32, 3)


@dataclass(frozen=True)
class Measured:
    """Epochs of one program."""

    compiling: float  # seconds
    epochs: list[float]  # seconds
    memory: int | None  # bytes, the peak so far


@dataclass
class Page:
    """What is printed, and the same as lines of JSON."""

    path: Path | None
    began: float
    seconds: float
    until: float = 0.0  # seconds since the beginning at which the present part must end

    def write(self, what: str, line: str, **facts: object) -> None:
        print(line, flush=True)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"what": what, **facts}) + "\n")

    def open_part(self, name: str) -> None:
        self.until += SHARES[name] * self.seconds
        self.write("part", f"\n{name}, at {self.passed():.0f} s", part=name, at=self.passed())

    def passed(self) -> float:
        return time.perf_counter() - self.began

    def is_late(self, what: str) -> bool:
        """Whether the part's time has passed; says then that `what` is skipped."""
        late = self.passed() > self.until
        if late:
            self.write("skipped", f"  {what}: skipped, the time of this part has passed", skipped=what)
        return late


def main() -> None:
    arguments = parse()
    page = Page(arguments.json, time.perf_counter(), arguments.seconds)
    prepare(arguments.packages)
    networks = networks_of(small=arguments.small)
    alone: dict[str, float] = {}
    page.write("device", about_device())
    page.open_part("equality")
    for network in networks:
        compare_with_cpu(page, network, steps=5 if arguments.small else 50)
    for network in networks:
        page.open_part(f"stacks of {network.name}")
        alone[network.name] = time_stacks(page, network, repeats=arguments.repeats)
    page.open_part("best size")
    for network in networks:
        choose_size(page, network, most=2 if arguments.small else 32)
    page.open_part("bfloat16")
    for network in networks:
        time_in_bfloat16(page, network, alone=alone[network.name], repeats=arguments.repeats)
    close(page)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="a file to which lines of JSON are added")
    parser.add_argument("--packages", type=Path, nargs="+", default=[], help="folders with packages to import from")
    parser.add_argument("--small", action="store_true", help="few steps and small stacks, to try the script")
    arguments = parser.parse_args()
    if arguments.json is None and os.environ.get("OUT"):
        arguments.json = Path(os.environ["OUT"]) / "on_a_gpu.jsonl"
    if arguments.repeats < 3:
        parser.error("--repeats must be at least 3")
    return arguments


def prepare(packages: list[Path]) -> None:
    """Name what is missing, and start JAX under Keras."""
    sys.path[:0] = [str(folder.resolve()) for folder in packages]
    missing = [distribution for module, distribution in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise SystemExit(
            f"not installed here: {', '.join(missing)}\n"
            f"  install them with: pip install {' '.join(missing)}\n"
            "  or fetch them elsewhere, for this Python and platform, unpack them with pip install --target FOLDER,\n"
            "  and start this script with --packages FOLDER"
        )
    from ablate.training.engine.device import prepare_backend

    os.environ["ABLATE_PROGRAM_CACHE"] = "off"  # the seconds of compiling are measured
    prepare_backend("jax", None)


def networks_of(*, small: bool) -> list[Network]:
    if small:
        return [Network("mlp", "nadam", 640, (1, 2)), Network("cnn", "adam", 64, (1, 2), (8, 8, 3))]
    return [Network("mlp", "nadam", 20_000, (1, 8, 64)), Network("cnn", "adam", 4_000, (1, 4, 16))]


def compare_with_cpu(page: Page, network: Network, *, steps: int) -> None:
    """How far the weights are from the CPU's after some steps."""
    import jax
    import numpy as np
    from versus_peers import BATCH

    if not cpus():
        page.write("skipped", "  JAX has no CPU here (JAX_PLATFORMS hides it)", skipped="equality")
        return
    network, theirs = replace(network, images=steps * BATCH), None
    for products in ("default", "highest"):
        if page.is_late(f"{network.name}, products {products}"):
            return
        if theirs is None:
            with jax.default_device(cpus()[0]):
                theirs = single_steps(network)
        with jax.default_matmul_precision(products):
            mine = [np.asarray(tensor) for tensor in Work(network, size=1).steps(steps).state[0]]
        apart = max(abs(a - b).max() / abs(b).max() for a, b in zip(mine, theirs, strict=True))
        line = f"  {network.name}, {steps} steps, products {products}: {apart:.1e} apart"
        facts = {"network": network.name, "steps": steps, "products": products}
        page.write("equality", line, **facts, apart=float(apart))


def single_steps(network: Network) -> list[Any]:
    """The weights after one step on each batch of an epoch, each step a call: XLA's CPU is slow with such loops."""
    import jax
    import numpy as np
    from versus_peers import BATCH

    from ablate.training.engine.step import Step

    work = Work(network, size=1)
    step, state, tally = jax.jit(Step(work.model, work.optimizer)), work.state, (np.int32(0),)
    for rows in work.order[:, 0]:
        x, y = (array[rows] for array in images(network))
        state, tally, _ = step(state, tally, x, y, rows, work.scaling.slot(0), np.float32(RATE), np.int32(BATCH))
    return [np.asarray(tensor) for tensor in state[0]]


def time_stacks(page: Page, network: Network, *, repeats: int) -> float:
    """The seconds of an epoch for each size, against one trial and against `model.fit`; returns those of one."""
    fitted = None if page.is_late("model.fit") else fit_seconds(network, repeats=repeats)
    if fitted is not None:
        facts = {"network": network.name, "seconds": fitted}
        page.write("fit", f"  {network.name}, model.fit, one trial: {spread(fitted)} s", **facts)
    one = 0.0
    for size in network.sizes:
        if page.is_late(f"{network.name}, K = {size}"):
            continue
        measured = attempted(page, f"{network.name}, K = {size}", lambda n=size: measure(network, n, repeats=repeats))
        if measured is not None:
            one = one or median(measured.epochs)
            write_stack(page, network, size, measured, one=one, fitted=fitted)
    page.write("aim", f"  {AIMS[network.name]}")
    return one


def write_stack(
    page: Page, network: Network, size: int, measured: Measured, *, one: float, fitted: list[float] | None
) -> None:
    middle = median(measured.epochs)
    ratio, against_fit = middle / one, size * median(fitted) / middle if fitted else None
    line = f"  {network.name}, K = {size:2}: {spread(measured.epochs)} s an epoch"
    line += f", {ratio:.2f} times K = {network.sizes[0]}"
    line += f", {against_fit:.1f} times model.fit's throughput" if against_fit else ""
    line += f"; compiled in {measured.compiling:.1f} s; memory {megabytes(measured.memory)}"
    facts = {"network": network.name, "size": size, "seconds": measured.epochs, "compiling": measured.compiling}
    page.write("stack", line, **facts, memory=measured.memory, ratio=ratio, against_fit=against_fit)


def choose_size(page: Page, network: Network, *, most: int) -> None:
    """The size that `ablate` would choose, by the times of a step that it measures."""
    from ablate.training.engine import compiling

    seen: dict[int, float] = {}

    def seconds(size: int) -> float:
        if page.passed() > page.until:
            raise TimeoutError
        work = Work(network, size=size)
        work.steps(1)
        n = max(1, min(20, work.n_steps))
        seen[size] = min(clocked(lambda: work.steps(n)) for _ in range(3)) / n
        return seen[size]

    if page.is_late(f"{network.name}, best size"):
        return
    chosen = attempted(page, f"{network.name}, best size", lambda: compiling.best_size(seconds, most=most))
    if chosen is None:
        return
    each = ", ".join(f"{size}: {1e6 * step / size:.0f}" for size, step in seen.items())
    cut = " (stopped by the time of this part)" if page.passed() > page.until else ""
    line = f"  {network.name}: {chosen} of at most {most}{cut}; microseconds a step and trial by K: {each}"
    page.write("best size", line, network=network.name, chosen=chosen, steps=seen, cut=bool(cut))


def time_in_bfloat16(page: Page, network: Network, *, alone: float, repeats: int) -> None:
    """Epochs of the smallest and the largest stack in mixed_bfloat16."""
    for size in (network.sizes[0], network.sizes[-1]):
        what = f"{network.name}, K = {size}, mixed_bfloat16"
        if page.is_late(what):
            continue
        with policy("mixed_bfloat16"):
            measured = attempted(page, what, lambda n=size: measure(network, n, repeats=repeats))
        if measured is None:
            continue
        middle = median(measured.epochs)
        ratio = f", {middle / alone:.2f} times K = {network.sizes[0]} in float32" if alone else ""
        line = f"  {what}: {spread(measured.epochs)} s an epoch{ratio}; memory {megabytes(measured.memory)}"
        facts = {"network": network.name, "size": size, "seconds": measured.epochs, "memory": measured.memory}
        page.write("bfloat16", line, **facts, ratio=middle / alone if alone else None)


def measure(network: Network, size: int, *, repeats: int) -> Measured:
    """Epochs of a program for `size` trials; the first is not counted."""
    work = Work(network, size=size)
    compiling = clocked(lambda: work.steps(0))
    work.steps(work.n_steps)
    epochs = [clocked(lambda: work.steps(work.n_steps)) for _ in range(repeats)]
    return Measured(compiling, epochs, peak_memory())


class Work:
    """A program for some trials, with their examples on the device."""

    def __init__(self, network: Network, *, size: int) -> None:
        import numpy as np
        from versus_peers import BATCH

        from ablate.training.engine.examples import Resident
        from ablate.training.engine.optimizers import make_optimizer
        from ablate.training.engine.program import Program, Scaling

        (x, y), self.model, self.optimizer = images(network), build(network), make_optimizer(network.optimizer)
        self._program, self._examples = Program(self.model, self.optimizer, size=size), Resident.of((x,), (y,))
        shift, scale = (np.full((size, *network.shape), value, np.float32) for value in (127.5, 1 / 64))
        self.scaling = Scaling(shift, scale)
        self.state = self._program.stacked([self._program.initial_state(self.model)] * size)
        self.n_steps = network.images // BATCH
        rng = np.random.default_rng(SEED)  # each trial has an order of its own
        orders = [rng.permutation(network.images)[: self.n_steps * BATCH].reshape(-1, BATCH) for _ in range(size)]
        self.order = np.stack(orders, axis=1).astype(np.int32)

    def steps(self, n: int) -> Any:
        """Run `n` steps of all trials from their first weights, and wait for the weights."""
        import jax
        import numpy as np

        rates, n_steps = np.full(self.order.shape[:2], RATE, np.float32), np.full(self.order.shape[1], n, np.int32)
        given = {"order": self.order, "rates": rates, "n_steps": n_steps, "max_loss": np.inf}
        done = self._program.train(self.state, self._examples, self.scaling, **given)
        jax.block_until_ready(done.state)
        return done


def build(network: Network) -> Any:
    """The network with He-normal kernels from NumPy: Keras' own draws differ between devices in the last digits."""
    import numpy as np
    from versus_peers import build_cnn, build_mlp

    levels, rng = {"normalization": "none", "activation": "elu"}, np.random.default_rng(SEED)
    model = (build_cnn if network.name == "cnn" else build_mlp)(levels, network.shape, 10)
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            fan_in = math.prod(variable.shape[:-1])
            variable.assign(rng.standard_normal(variable.shape) * math.sqrt(2 / fan_in))
    return model


def images(network: Network) -> tuple[Any, Any]:
    """Random examples of CIFAR-10's types."""
    import numpy as np

    rng, n = np.random.default_rng(SEED), network.images
    return rng.integers(0, 256, (n, *network.shape), dtype=np.uint8), rng.integers(0, 10, n).astype(np.int32)


def fit_seconds(network: Network, *, repeats: int) -> list[float]:
    """Seconds of epochs of `model.fit`, after a first one."""
    import keras
    import numpy as np
    from versus_peers import BATCH

    model, (x, y) = build(network), images(network)
    inputs = (x.astype(np.float32) - 127.5) / 64
    optimizer = {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam}[network.optimizer](RATE)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])

    def epoch() -> None:
        model.fit(inputs, y, batch_size=BATCH, epochs=1, verbose=0)

    epoch()
    return [clocked(epoch) for _ in range(repeats)]


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Keras' policy of types for layers made inside."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def attempted(page: Page, what: str, work: Callable[[], Any]) -> Any:
    """What `work` returns; None where it fails, which is written down: the next parts may still work."""
    try:
        return work()
    except Exception as err:  # whatever a device or a compiler raises
        reason = str(err).strip().splitlines()[0][:200] if str(err).strip() else ""
        page.write("failed", f"  {what}: failed, {type(err).__name__}: {reason}", failed=what, reason=reason)
        return None


def clocked(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpus() -> list[Any]:
    import jax

    try:
        return list(jax.devices("cpu"))
    except RuntimeError:
        return []


def peak_memory() -> int | None:
    """Bytes; None where the device does not say."""
    import jax

    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def megabytes(n: int | None) -> str:
    return "not told" if n is None else f"{n / 2**20:,.0f} MiB"


def spread(values: list[float]) -> str:
    """Median [least, most], with n."""
    return f"{median(values):.3f} [{min(values):.3f}, {max(values):.3f}] (n = {len(values)})"


def about_device() -> str:
    from ablate.training.engine.device import device_name

    return f"{device_name()}; {platform.machine()}, {os.cpu_count()} cores"


def close(page: Page) -> None:
    """The device, its driver, versions, the date, and whether a package was imported that is not needed."""
    import jax

    driver = ""
    if jax.devices()[0].platform == "gpu" and shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        driver = f"; {subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("jax", "jaxlib", "keras", "numpy"))
    python = f"Python {platform.python_version()}"
    line = f"\n{about_device()}{driver}; {versions}, {python}; {date.today().isoformat()}; {page.passed():.0f} s in all"
    page.write("about", line, about=line.strip())
    found = [name for name in NOT_NEEDED if name in sys.modules]
    if found:
        raise SystemExit(f"imported although it is not needed: {', '.join(found)}")


if __name__ == "__main__":
    main()
