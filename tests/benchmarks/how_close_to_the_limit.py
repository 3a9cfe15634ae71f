"""How close does training come to what the machine can do? An epoch's time over the least that its work could take.

    python tests/benchmarks/how_close_to_the_limit.py [--cnn] [--normalization none|batch] [--optimizer NAME]
        [--train N] [--epochs 3] [--trials 2] [--matrices 1024 2048] [--repeats 5] [--data-dir DIR]
        [--backend both|jax|tensorflow] [--rounds 2]

CIFAR-10, batch 32, one fixed learning rate. The network is cifar_mlp's plain configuration, 20 × 100 with Nadam on
20,000 images, or with batch normalization; with `--cnn` it is the one of versus_peers.py, three pairs of convolutions,
with Adam on 4,000 images. Aim: at most 1.3 for both, on the faster backend.

The epoch: the local scheduler fills the machine with as many workers as a study would start here, each pinned to its
own processors, and each trains one trial after the other (same structure, other seeds). An epoch's time is what the
trial counts as "train", over its epochs: the training steps with their shuffling and the copies to the device, without
compilation and without the validation pass, which is listed by itself. Each worker has one trial more than `--trials`,
and only trials that ended before the first worker ran out of work count: never one with an idle neighbour. With both
backends, the workers of one train after those of the other, `--rounds` times: TensorFlow, JAX, TensorFlow, JAX.

The floors: as many processes, pinned alike, with as many threads, measure at the same moments, before the trials and
after them, on each backend. Both rates are those of one process among its busy neighbours, and both floors take the
fastest that was found, whichever backend it is from: the table names it.

1. The epoch's floating-point operations at the rate of a large float32 matrix product: the best of `--matrices`, by
   JAX, and by TensorFlow with XLA and without. Counted are the products alone: forward 2 for each weight of a dense
   layer, and for each weight and place of a convolution; backward twice that, but once in the first layer, whose input
   needs no gradient. Activations, normalization, the loss and the update are not counted.
2. The bytes of weights, gradients and optimizer slots at the rate of a fused update loop: one XLA program that updates
   flat arrays with as many weights as the model trains, so that they lie in the cache that the model's own would lie
   in. Each step reads and writes all of them: 4 bytes × 2 × (2 + slots) a weight. The loop only reads its gradient, and
   its rate counts that; the writing is the backward pass's. With two slots the update is Adam's, with one momentum's,
   without plain descent. XLA on a CPU makes one pass an array, so it reads the new slots and the gradient once more:
   that is not counted. A loop in C with one pass takes about three quarters of the time, so this floor is a mild one.

Prints the median [least, most] over trials, and over processes × repeats for the rates; the ratio has the floors'
medians below the line.
"""

import argparse
import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from versus_peers import BATCH, DEPTH, RATE, WIDTH, study_file
from what_does_a_seed_cost import Seeds, about_machine, make_task

AIM = 1.3
FLOAT = 4  # bytes
UPDATE = "update"  # begins the name of its rates
SECONDS = 0.5  # of one measurement of a rate: long beside a call of any of the loops
UPDATES = 200  # in one call of the update loop, so that handing the arrays in and out is below a percent
PATIENCE = 300  # seconds that a process waits for its neighbours
Rates = dict[str, list[float]]  # by what was measured, one a repeat


@dataclass(frozen=True)
class Job:
    """What the measuring processes are asked; picklable."""

    task: Any  # ablate's `Task`: study, data, threads
    factors: dict[str, Any]
    backend: str
    matrices: tuple[int, ...]
    repeats: int


@dataclass(frozen=True)
class Work:
    """What training has to do."""

    flops: int  # an example
    weights: int  # that are trained
    slots: int  # numbers that the optimizer keeps a weight

    def step_bytes(self) -> int:
        """Moved in one step: weight, gradient and slots, each read and written."""
        return FLOAT * 2 * (2 + self.slots) * self.weights

    def update_bytes(self) -> int:
        """Moved by one update in the fused loop, which does not write the gradient."""
        return self.step_bytes() - FLOAT * self.weights


def main() -> None:
    arguments = parse()
    backends = ("tensorflow", "jax") if arguments.backend == "both" else (arguments.backend,)
    trials: dict[str, list[Any]] = {backend: [] for backend in backends}
    with tempfile.TemporaryDirectory(prefix="limit-") as folder:
        jobs, workers = make_jobs(arguments, backends, Path(folder))
        work, before = measure_all(jobs, workers=workers)
        for _ in range(arguments.rounds):
            for job in jobs:
                trials[job.backend] += train(job, workers=workers, n=arguments.trials)
        _, after = measure_all(jobs, workers=workers)
    rates = {name: before[name] + after[name] for name in before}
    about = f"{workers} workers × {jobs[0].task.threads} threads"
    print("\n".join(report(arguments, work, rates, trials, about=about)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cnn", action="store_true")
    parser.add_argument("--normalization", choices=("none", "batch"), help="of the MLP; the CNN always has batch")
    parser.add_argument("--optimizer", choices=("sgd", "momentum", "adam", "nadam"))
    parser.add_argument("--train", type=int)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=2, help="that count, for each worker")
    parser.add_argument("--matrices", type=int, nargs="+", default=[1024, 2048])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--backend", choices=("both", "jax", "tensorflow"), default="both")
    parser.add_argument("--rounds", type=int, default=2, help="of trials on each backend")
    arguments = parser.parse_args()
    if arguments.cnn and arguments.normalization == "none":
        parser.error("the CNN has batch normalization")
    arguments.normalization = arguments.normalization or ("batch" if arguments.cnn else "none")
    arguments.optimizer = arguments.optimizer or ("adam" if arguments.cnn else "nadam")
    arguments.train = arguments.train or (4000 if arguments.cnn else 20000)
    return arguments


def make_jobs(arguments: argparse.Namespace, backends: Sequence[str], folder: Path) -> tuple[list[Job], int]:
    """The study, its data on disk, a job a backend, and how many workers a study would start here."""
    from ablate.study.load import load_study

    task, workers = make_task(argparse.Namespace(**vars(arguments) | {"backend": backends[0]}), folder)
    task = replace(task, stack=1)
    if arguments.cnn:
        path = folder / "cnn.toml"
        path.write_text(study_file(argparse.Namespace(**vars(arguments) | {"trials": 1})))
        task = replace(task, study=load_study(path, overrides=[], quick=False))
    levels = {"normalization": arguments.normalization, "optimizer": arguments.optimizer, "learning_rate": RATE}
    factors, sizes = {**task.study.baseline, **levels}, tuple(arguments.matrices)
    return [Job(on_backend(task, one), factors, one, sizes, arguments.repeats) for one in backends], workers


def on_backend(task: Any, backend: str) -> Any:
    """The task with its study on a backend."""
    training = task.study.training.model_copy(update={"backend": backend})
    return replace(task, study=task.study.model_copy(update={"training": training}))


def train(job: Job, *, workers: int, n: int) -> list[Any]:
    """The outcomes of `n` trials a worker, all of which trained with every other worker at work."""
    from ablate.study.trial import REFERENCE, Label, TrialSpec
    from ablate.workers.pool import LocalScheduler

    seeds = range(1, workers * (n + 1) + 1)
    specs = [TrialSpec(f"s{seed}", Label("ablation", REFERENCE), seed, job.factors) for seed in seeds]
    plan = Seeds(specs)
    with LocalScheduler(job.task, workers=workers, stop=threading.Event(), on_start=lambda _: None) as local:
        local.run(plan)
    lost = [f"{outcome.state}: {outcome.reason}" for outcome in plan.outcomes if outcome.state != "finished"]
    if lost:
        raise SystemExit(f"of {len(seeds)} trials {len(lost)} did not finish; {lost[0]}")
    return plan.outcomes[: workers * n]  # told as they end: until here somebody took the next one


def measure_all(jobs: Sequence[Job], *, workers: int) -> tuple[Work, Rates]:
    """What training has to do, and the rates on each backend, measured one backend after the other."""
    found = [measure_rates(job, workers=workers) for job in jobs]
    return found[0][0], {name: rates for _, some in found for name, rates in some.items()}


def measure_rates(job: Job, *, workers: int) -> tuple[Work, Rates]:
    """What training has to do, and the rates of all processes, measured at the same time."""
    from ablate.system import gpu_names
    from ablate.workers.queue import places

    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        barrier = manager.Barrier(workers, timeout=PATIENCE)
        own = places(workers, threads=job.task.threads, gpus=gpu_names())
        found = [one.result() for one in [pool.submit(measure_here, job, place, barrier) for place in own]]
    rates = [rates for _, rates in found]
    return found[0][0], {name: [rate for one in rates for rate in one[name]] for name in rates[0]}


def measure_here(job: Job, place: Any, barrier: Any) -> tuple[Work, Rates]:
    """The rates of this process, set up as a worker is: operations of the products, bytes of the update, a second."""
    if place.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place.cpus)
    if place.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = place.gpu
    from ablate.training.engine.device import prepare_backend

    prepare_backend(job.backend, job.task.threads)
    work = count_work(job)
    rates = {}
    for n in job.matrices:
        for how, call in products(n, job.backend).items():
            rates[f"{n} × {n}, {how}"] = measure(call, barrier, amount=2 * n**3, repeats=job.repeats)
    update = {"jax": update_on_jax, "tensorflow": update_on_tensorflow}[job.backend](work.weights, slots=work.slots)
    rates[f"{UPDATE}, {job.backend}"] = measure(
        update, barrier, amount=UPDATES * work.update_bytes(), repeats=job.repeats
    )
    return work, rates


def measure(call: Callable[[], object], barrier: Any, *, amount: float, repeats: int) -> list[float]:
    """What calls of `amount` come to in a second, one number a repeat, each begun with all other processes."""
    call()  # compiles
    rates = []
    for _ in range(repeats):
        barrier.wait()
        began, n = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            call()
            n += 1
        rates.append(n * amount / (time.perf_counter() - began))
    return rates


def products(n: int, backend: str) -> dict[str, Callable[[], object]]:
    """A product of two n × n matrices, by each of a backend's ways; each call waits for its result."""
    rng = np.random.default_rng(n)
    arrays = [rng.standard_normal((n, n), np.float32) for _ in range(2)]
    if backend == "jax":
        import jax

        a, b = map(jax.numpy.asarray, arrays)
        product = jax.jit(jax.numpy.matmul)
        return {"jax": lambda: product(a, b).block_until_ready()}
    import tensorflow as tf

    a, b = map(tf.constant, arrays)
    compiled = tf.function(tf.matmul, jit_compile=True)
    return {
        "tensorflow, XLA": lambda: compiled(a, b)[0, 0].numpy(),
        "tensorflow, plain": lambda: tf.matmul(a, b)[0, 0].numpy(),
    }


def update_on_tensorflow(weights: int, *, slots: int) -> Callable[[], object]:
    """`UPDATES` updates of flat arrays, one program; a call waits for its result."""
    import tensorflow as tf

    gradient, *start = map(tf.constant, flat_arrays(weights, slots))
    rule = (descend, momentum, adam)[slots]

    @tf.function(jit_compile=True, autograph=False)
    def run(gradient: Any, *start: Any) -> Any:
        def body(i: Any, *state: Any) -> tuple[Any, ...]:
            # The factor differs from step to step: otherwise XLA takes the gradient's share out of the loop.
            return i + 1, *rule(gradient * (0.5 + tf.cast(i % 2, tf.float32)), *state)

        return tf.while_loop(lambda i, *_: i < UPDATES, body, (tf.constant(0), *start))

    return lambda: run(gradient, *start)[1][0].numpy()


def update_on_jax(weights: int, *, slots: int) -> Callable[[], object]:
    """The same on JAX."""
    import jax

    gradient, *start = map(jax.numpy.asarray, flat_arrays(weights, slots))
    rule = (descend, momentum, adam)[slots]

    @jax.jit
    def run(gradient: Any, *start: Any) -> Any:
        def body(i: Any, state: Any) -> tuple[Any, ...]:
            return rule(gradient * (0.5 + (i % 2).astype("float32")), *state)

        return jax.lax.fori_loop(0, UPDATES, body, tuple(start))

    return lambda: jax.block_until_ready(run(gradient, *start))


def flat_arrays(weights: int, slots: int) -> list[Any]:
    """A gradient, the weights, and the slots."""
    rng = np.random.default_rng(weights)
    return [rng.random(weights, np.float32) for _ in range(2 + slots)]


def descend(gradient: Any, weight: Any) -> tuple[Any, ...]:
    return (weight - RATE * gradient,)


def momentum(gradient: Any, weight: Any, mean: Any) -> tuple[Any, ...]:
    mean = 0.9 * mean - RATE * gradient
    return weight + mean, mean


def adam(gradient: Any, weight: Any, mean: Any, square: Any) -> tuple[Any, ...]:
    """Without the corrections for the first steps, which are two scalars; of use for Nadam too."""
    mean = mean + (gradient - mean) * 0.1
    square = square + (gradient * gradient - square) * 0.001
    return weight - RATE * mean / (square**0.5 + 1e-7), mean, square


def count_work(job: Job) -> Work:
    """From the model as the study builds it, and its optimizer."""
    from ablate.data import load_arrays
    from ablate.models.build import build_model
    from ablate.models.layers import LayerSeeds
    from ablate.models.model_data import classification
    from ablate.models.registry import find_builder
    from ablate.training.engine.optimizers import make_optimizer

    study, data = job.task.study, load_arrays(job.task.arrays)
    builder, seen = find_builder(study.model, base=study.base), classification(data.x_train.shape[1:], data.n_classes)
    seeds, options = LayerSeeds(study.seed, 0), study.model.options
    model = build_model(builder, job.factors, seen, layer_seeds=seeds, options=options)
    optimizer = make_optimizer(job.factors["optimizer"])
    optimizer.build(model.trainable_variables)
    weights = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    kept = sum(math.prod(variable.shape) for variable in optimizer.variables if variable.shape)
    return Work(count_flops(model), weights, kept // weights)


def count_flops(model: Any) -> int:
    """Of one example, forward and backward, in the products of dense and convolutional layers."""
    from keras import layers

    forward = []
    for layer in model.layers:
        if isinstance(layer, layers.Dense | layers.Conv2D):
            places = math.prod(layer.output.shape[1:-1])  # 1 for a dense layer
            forward.append(2 * math.prod(layer.kernel.shape) * places)
    return 3 * sum(forward) - forward[0]


def report(
    arguments: argparse.Namespace, work: Work, rates: Rates, trials: dict[str, list[Any]], *, about: str
) -> list[str]:
    """The table, and what it was measured on."""
    steps = math.ceil(arguments.train / BATCH)
    operations, moved = work.flops * arguments.train, work.step_bytes() * steps
    product = max((name for name in rates if not name.startswith(UPDATE)), key=lambda name: median(rates[name]))
    update = max((name for name in rates if name.startswith(UPDATE)), key=lambda name: median(rates[name]))
    floors = operations / median(rates[product]), moved / median(rates[update])
    network = "CNN" if arguments.cnn else f"MLP {DEPTH} × {WIDTH}"
    return [
        f"{network}, normalization {arguments.normalization}, {arguments.optimizer}, batch {BATCH}, "
        f"{arguments.train:,} images; {about}",
        row("large matrix product, GFLOP/s", spread([rate / 1e9 for rate in rates[product]], 1), product),
        row("fused update, GB/s", spread([rate / 1e9 for rate in rates[update]], 1), f"{update}; {sizes(work)}"),
        row("floor 1, s", f"{floors[0]:.3f}", f"{operations / 1e9:.1f} GFLOP"),
        row("floor 2, s", f"{floors[1]:.3f}", f"{moved / 1e9:.1f} GB in {steps:,} steps"),
        row("both floors, s", f"{sum(floors):.3f}", ""),
        *(
            line
            for backend, some in trials.items()
            for line in of_backend(backend, some, operations=operations, moved=moved, floor=sum(floors))
        ),
        f"{about_machine()}; {date.today().isoformat()}",
    ]


def of_backend(backend: str, trials: list[Any], *, operations: int, moved: int, floor: float) -> list[str]:
    """The lines of one backend's trials."""
    epochs = [trial.timings["train"] / trial.epochs for trial in trials]
    passes = [trial.timings["evaluate"] / trial.epochs for trial in trials]
    compiled = [trial.timings.get("compile", 0.0) for trial in trials]
    reached = f"{operations / 1e9 / median(epochs):.1f} GFLOP/s and {moved / 1e9 / median(epochs):.1f} GB/s reached"
    return [
        f"{backend}, n = {len(trials)} trials × {trials[0].epochs} epochs",
        row("  training steps of an epoch, s", spread(epochs, 3), reached),
        row("  its validation pass, not counted, s", spread(passes, 3), ""),
        row("  most seconds of compiling in a trial", f"{max(compiled):.1f}", ""),
        row("  epoch over both floors", spread([epoch / floor for epoch in epochs], 2), f"aim: {AIM}"),
    ]


def row(name: str, value: str, note: str) -> str:
    return f"{name:38} {value:>26}  {note}".rstrip()


def sizes(work: Work) -> str:
    return f"{work.weights:,} weights, {work.slots} slots"


def spread(values: list[float], digits: int) -> str:
    """Median [least, most]."""
    middle, least, most = (f"{value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} [{least}, {most}]"


if __name__ == "__main__":
    main()
