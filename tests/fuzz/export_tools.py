"""What each tool's table of runs looks like: prefixes, bookkeeping columns, words for how a run ended.

`tests/analysis/imports/exports` holds files that the tools wrote themselves; this is the same, drawn at random.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Cell = Callable[[np.random.Generator, int], str]  # of a row, by its number
HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Tool:
    """One kind of export."""

    name: str
    prefix: str = ""  # of parameters
    metrics: str = ""  # before a metric's name
    scores: Sequence[tuple[str, int]] = ()  # names of its own for the score, and 1, -1 or 0 where either may be better
    seeds: Sequence[str] = ("seed",)  # columns, after the prefix
    state: Sequence[str] = ()  # columns; () where it tells none
    finished: str = ""
    lost: Mapping[str, Sequence[str]] = field(default_factory=dict)  # "failed", "killed", "pruned" -> words
    before: Mapping[str, Cell] = field(default_factory=dict)  # bookkeeping
    after: Mapping[str, Cell] = field(default_factory=dict)
    ended: str = ""  # the column of how far a run came, smaller where it was lost
    separators: str = ","
    keeps_last: bool = True  # whether a lost run may have its last score beside it
    quotes: bool = False  # whether words keep their quotes
    two_metrics: bool = False  # whether a second metric may stand beside the score


def of(*values: str) -> Cell:
    """One of these."""
    return lambda rng, _: str(rng.choice(values))


def number(start: int = 0, step: int = 1) -> Cell:
    """A counter."""
    return lambda _, row: str(start + step * row)


def drawn(low: float, high: float, digits: int = 3) -> Cell:
    """A number, another one in each run."""
    return lambda rng, _: f"{rng.uniform(low, high):.{digits}f}"


def token(length: int, opening: str = "") -> Cell:
    """A name that no other run has."""
    return lambda rng, _: opening + "".join(rng.choice(list(HEX), length))


def clock(form: str = "2026-01-{day:02}T{hour:02}:{minute:02}:00", every: int = 7) -> Cell:
    """A time, later in each run."""

    def told(_: np.random.Generator, row: int) -> str:
        minutes = every * row
        return form.format(day=2 + minutes // 1440, hour=minutes // 60 % 24, minute=minutes % 60)

    return told


def named() -> Cell:
    """A name as W&B and MLflow make them up."""
    words = ("fine", "calm", "old", "dry", "wild", "nosy"), ("sun", "lake", "fog", "leaf", "moon", "cod")
    return lambda rng, row: f"{rng.choice(words[0])}-{rng.choice(words[1])}-{row + 1}"


def minutes() -> Cell:
    """How long a run took, as MLflow's page has it."""
    return lambda rng, _: f"{rng.uniform(1, 9):.1f}min"


NODES = of("node0", "node1", "node2")
NONE = of("")
OPTUNA = {
    "number": number(), "datetime_start": clock("2026-01-{day:02} {hour:02}:{minute:02}:00.020337"),
    "datetime_complete": clock("2026-01-{day:02} {hour:02}:{minute:02}:09.120337"),
    "duration": lambda rng, _: f"0 days 00:0{rng.integers(10)}:{rng.integers(10, 60)}.{rng.integers(10**6):06}",
}  # fmt: skip
TOOLS = (
    Tool(
        "Optuna", prefix="params_", scores=(("value", 0),),
        seeds=("params_seed", "user_attrs_seed", "user_attrs_random_state", "user_attrs_fold"), state=("state",),
        finished="COMPLETE", lost={"failed": ("FAIL",), "killed": ("RUNNING",), "pruned": ("PRUNED",)},
        before=OPTUNA,
        after={"user_attrs_host": NODES, "user_attrs_ckpt": token(8, "ckpt/"), "system_attrs_nodes": NONE},
    ),
    Tool(
        "Optuna, by hand", scores=(("value", 0),), seeds=("seed", "random_state"), state=("state",),
        finished="TrialState.COMPLETE",
        lost={"failed": ("TrialState.FAIL",), "killed": ("TrialState.RUNNING",), "pruned": ("TrialState.PRUNED",)},
        before={"number": number(), "duration": OPTUNA["duration"]},
    ),
    Tool(
        "MLflow", prefix="params.", metrics="metrics.", seeds=("params.seed", "params.random_state"), state=("status",),
        finished="FINISHED", lost={"failed": ("FAILED",), "killed": ("KILLED", "RUNNING")}, two_metrics=True,
        before={"run_id": token(32), "experiment_id": of("3"), "artifact_uri": token(32, "mlruns/3/"),
                "start_time": clock("2026-01-{day:02} {hour:02}:{minute:02}:17.078000+00:00"),
                "end_time": clock("2026-01-{day:02} {hour:02}:{minute:02}:44.123000+00:00")},
        after={"params.epochs": of("10"), "params.output_dir": token(8, "out/"), "tags.mlflow.runName": named(),
               "tags.mlflow.user": of("me"), "tags.mlflow.source.type": of("LOCAL"),
               "tags.mlflow.source.name": of("train.py"), "tags.mlflow.source.git.commit": of("0" * 40)},
    ),
    Tool(
        "MLflow page", state=("Status",), finished="FINISHED", two_metrics=True,
        lost={"failed": ("FAILED",), "killed": ("KILLED",)},
        before={"Start Time": clock("2026-01-{day:02} {hour:02}:{minute:02}:18"), "Duration": minutes(),
                "Run ID": token(32), "Name": named(), "Source Type": of("LOCAL"), "Source Name": of("train.py"),
                "User": of("me")},
    ),
    Tool(
        "W&B", seeds=("seed", "random_seed"), state=("State",), finished="finished", two_metrics=True,
        lost={"failed": ("crashed", "failed"), "killed": ("killed", "running"), "pruned": ()},
        before={"Name": named(), "Notes": of("-"), "User": of("someone"), "Tags": NONE,
                "Created": clock("2026-01-{day:02}T{hour:02}:{minute:02}:00.000Z"), "Runtime": drawn(90, 140, 0),
                "Sweep": of("abc123"), "batch_size": of("32")},
        after={"_runtime": drawn(90, 140), "_timestamp": drawn(1.7e9, 1.71e9), "_step": drawn(80, 120, 0)},
        ended="epoch",
    ),
    Tool(
        "Ray Tune", prefix="config/", seeds=("config/seed",), two_metrics=True, keeps_last=False,
        before={"timestamp": number(1_767_348_000, 13), "checkpoint_dir_name": NONE, "done": of("True"),
                "trial_id": token(5, "46da0_"), "date": clock("2026-01-{day:02}_{hour:02}-{minute:02}-00"),
                "time_this_iter_s": drawn(0.1, 0.3, 6), "time_total_s": drawn(20, 40, 6), "pid": drawn(4000, 9000, 0),
                "hostname": NODES, "node_ip": of("10.0.0.1", "10.0.0.2"), "time_since_restore": drawn(20, 40, 6),
                "training_iteration": of("10"), "iterations_since_restore": of("10")},
        after={"logdir": token(5, "46da0_")},
    ),
    Tool(
        "Ray Tune, with status", prefix="config/", seeds=("config/seed",), state=("status",), finished="TERMINATED",
        lost={"failed": ("ERROR",), "killed": ("PENDING", "PAUSED")},
        before={"trial_id": token(5, "46da0_"), "time_total_s": drawn(20, 40, 6), "pid": drawn(4000, 9000, 0),
                "hostname": NODES, "node_ip": of("10.0.0.1"), "done": of("True")},
        ended="training_iteration",
    ),
    Tool(
        "KerasTuner", prefix="hyperparameters.values.", scores=(("score", 0),), seeds=("hyperparameters.values.seed",),
        state=("status",), finished="COMPLETED", lost={"failed": ("FAILED", "INVALID"), "killed": ("RUNNING",)},
        before={"trial_id": number(), "best_step": of("3", "7", "9")}, keeps_last=False,
    ),
    Tool(
        "KerasTuner, by hand", scores=(("score", 0),), state=("status",), finished="COMPLETED",
        lost={"failed": ("FAILED", "INVALID"), "killed": ("RUNNING",)}, keeps_last=False,
        before={"trial_id": lambda _, row: f"{row:02}"},
    ),
    Tool(
        "TensorBoard", metrics="epoch_", seeds=("seed", "trial_seed"), keeps_last=False,
    ),
    Tool(
        "SMAC", scores=(("cost", -1),), state=("status",), finished="SUCCESS", keeps_last=False,
        lost={"failed": ("CRASHED", "TIMEOUT", "MEMORYOUT")},
        before={"config_id": number(1), "instance": NONE, "budget": NONE, "time": drawn(1, 4, 4),
                "starttime": drawn(1e9, 2e9, 2), "endtime": drawn(1e9, 2e9, 2)},
    ),
    Tool(
        "Sacred", prefix="config.", scores=(("result", 0),), seeds=("config.seed",), state=("status",),
        finished="COMPLETED", lost={"failed": ("FAILED",), "killed": ("INTERRUPTED", "RUNNING")},
        before={"_id": number(1), "host.hostname": NODES, "host.cpu": of("cpu"), "start_time": clock(),
                "stop_time": clock(), "heartbeat": clock()},
    ),
    Tool(
        "ClearML", prefix="Args/", seeds=("Args/seed",), state=("STATUS",), finished="completed",
        lost={"failed": ("failed",), "killed": ("stopped", "in_progress")},
        before={"TYPE": of("training"), "NAME": named(), "TAGS": NONE, "PROJECT": of("toy"), "USER": of("Some One"),
                "STARTED": clock(), "UPDATED": clock()},
        ended="ITERATION",
    ),
    Tool(
        "Katib", seeds=("seed",), state=("Status",), finished="Succeeded", keeps_last=False,
        lost={"failed": ("Failed", "MetricsUnavailable"), "killed": ("Killed",), "pruned": ("EarlyStopped",)},
        before={"trialName": token(8, "random-")}, two_metrics=True,
    ),
    Tool(
        "SageMaker", scores=(("FinalObjectiveValue", 0),), state=("TrainingJobStatus",), finished="Completed",
        lost={"failed": ("Failed",), "killed": ("Stopped",)}, keeps_last=False, quotes=True,
        before={"TrainingJobName": token(8, "toy-260102-1000-")},
        after={"TrainingStartTime": clock(), "TrainingEndTime": clock(),
               "TrainingElapsedTimeSeconds": drawn(300, 400, 1)},
    ),
    Tool(
        "SLURM", state=("State",), finished="COMPLETED", separators="|,", keeps_last=False,
        lost={"failed": ("FAILED", "OUT_OF_MEMORY", "NODE_FAIL"),
              "killed": ("TIMEOUT", "CANCELLED by 1000", "PREEMPTED")},
        before={"JobID": lambda _, row: f"4711_{row}", "JobName": of("train.sh"), "Partition": of("gpu"),
                "Account": of("lab"), "AllocCPUS": of("8"), "Elapsed": clock("00:{minute:02}:00"),
                "MaxRSS": lambda rng, _: f"{rng.integers(900, 1200)}M"},
    ),
    Tool(
        "Determined", seeds=("seed",), state=("State",), finished="COMPLETED",
        lost={"failed": ("ERROR",), "killed": ("CANCELED",)},
        before={"Trial ID": number(100), "Experiment ID": of("7"), "Started": clock(), "Ended": clock()},
    ),
    Tool(
        "Neptune", prefix="parameters/", metrics="metrics/", seeds=("parameters/seed",), state=("sys/failed",),
        finished="False", lost={"failed": ("True",)},
        before={"sys/id": lambda _, row: f"TOY-{row + 1}", "sys/name": named(), "sys/state": of("inactive"),
                "sys/owner": of("someone"), "sys/hostname": NODES, "sys/creation_time": clock(),
                "sys/running_time": drawn(60, 90), "sys/size": drawn(9e3, 1e4, 0), "sys/tags": NONE},
    ),
    Tool(
        "own, a flag of failure", seeds=("seed", "run_seed"), state=("failed", "crashed", "diverged"),
        finished="False", lost={"failed": ("True",)}, separators=",;",
    ),
    Tool(
        "own, a flag of success", seeds=("seed", "rng_seed"), state=("success", "ok", "finished", "completed"),
        finished="True", lost={"failed": ("False",)}, separators=",;",
    ),
    Tool(
        "own, exit codes", seeds=("seed", "trial_seed"), state=("exit_code", "ExitCode", "returncode"),
        finished="0", lost={"failed": ("1", "137")}, separators=",\t",
    ),
    Tool(
        "own", separators=",,;\t|",
        seeds=("seed", "Seed", "random_state", "replicate", "rep", "run_seed", "fold", "cv_fold", "repetition",
               "seed_id", "SEED", "random seed", "rng"),
        state=("status", "state", "outcome", "Run Status", ""), finished="ok", two_metrics=True,
        lost={"failed": ("failed", "diverged", "oom", "nan"), "killed": ("killed", "timeout")},
        after={},
    ),
)  # fmt: skip
JUNK: Mapping[str, Cell] = {  # what people add to any of them
    "run_name": named(), "hostname": NODES, "notes": NONE, "comment": of("", "", "", "again"),
    "git_commit": of("3f2a1b"),
    "output_dir": token(8, "runs/"), "slurm_job_id": number(812_331), "wall_time": drawn(20, 90, 2),
    "uuid": token(12), "gpu_id": of("0", "1", "2", "3"), "started_at": clock(), "log_file": token(6, "logs/"),
    "": number(), "Unnamed: 0": number(), "framework": of("keras"), "best_epoch": drawn(3, 30, 0),
    "peak_memory_mb": drawn(900, 1500, 1),
}  # fmt: skip
