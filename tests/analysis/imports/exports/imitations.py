"""Imitate the exports of tools that cannot be run here, from their documentation and source, with the same truth.

python tests/analysis/imports/exports/imitations.py
"""

import csv
import io
import json
import random
from collections.abc import Sequence

from make_exports import accuracy, is_lost, runs, write

WORDS = ("fine-sun", "calm-lake", "old-fog", "dry-leaf", "wild-moon")
LAST = 0.41  # the last accuracy that a run logs before it breaks


def _text(header: Sequence[str], rows: Sequence[Sequence[object]], **dialect: object) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", **dialect)
    writer.writerows([header, *rows])
    return out.getvalue()


def _day(number: int) -> str:
    return f"2026-01-{2 + number // 24:02}T{number % 24:02}:00:00"


def wandb_page() -> None:
    """The runs table's "CSV export": https://docs.wandb.ai/guides/app/features/runs-table; a crashed run keeps its
    last summary values."""
    header = [
        "Name",
        "State",
        "Notes",
        "User",
        "Tags",
        "Created",
        "Runtime",
        "Sweep",
        "batch_size",
        "dropout",
        "optimizer",
    ]
    header += ["seed", "use_bn", "_runtime", "_step", "_timestamp", "epoch", "val_accuracy"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        name = f"{WORDS[number % 5]}-{number + 1}"
        state = ("crashed", "failed")[seed % 2] if lost else "finished"
        value = LAST if lost else accuracy(optimizer, dropout, seed)
        rows.append([
            name, state, "-", "someone", "", _day(number) + ".000Z", 100 + number % 7, "abc123", 32, dropout, optimizer,
            seed, "true", 100.0 + number, 3 if lost else 9, 1.7e9 + number, 3 if lost else 9, value,
        ])  # fmt: skip
    write("wandb_page.csv", _text(header, rows, quoting=csv.QUOTE_ALL))


def wandb_api() -> None:
    """`project.csv` of the snippet at https://docs.wandb.ai/guides/track/public-api-guide: dictionaries in cells."""
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        config = {"optimizer": optimizer, "dropout": dropout, "seed": seed}
        summary = {"val_accuracy": accuracy(optimizer, dropout, seed)}
        rows.append([number, summary, config, f"{WORDS[number % 5]}-{number}"])
    write("wandb_api_dicts.csv", _text(["", "summary", "config", "name"], rows))


def mlflow_page() -> None:
    """MLflow's page, "Download CSV": Start Time to Status, the parameters, the metrics."""
    header = ["Start Time", "Duration", "Run ID", "Name", "Source Type", "Source Name", "User", "Status"]
    header += ["dropout", "optimizer", "seed", "val_accuracy", "val_loss"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        value = accuracy(optimizer, dropout, seed)
        run_id = f"{random.Random(number).getrandbits(128):032x}"
        rows.append([
            _day(number).replace("T", " "), f"{1 + number / 10:.1f}min", run_id, f"{WORDS[number % 5]}-{number}",
            "LOCAL", "train.py", "someone", "FAILED" if lost else "FINISHED", dropout, optimizer, seed,
            *(("", "") if lost else (value, 1 - value)),
        ])  # fmt: skip
    write("mlflow_page.csv", _text(header, rows))


def clearml_table() -> None:
    """The experiment table's "Download table as CSV" (clearml issue 882), statuses of clearml.Task.TaskStatusEnum."""
    header = ["TYPE", "NAME", "TAGS", "STATUS", "PROJECT", "USER", "STARTED", "UPDATED", "ITERATION", "PARENT TASK"]
    header += ["Args/optimizer", "Args/dropout", "Args/seed", "validation: accuracy (last)"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        rows.append([
            "training", f"train {optimizer} {number}", "", "failed" if lost else "completed", "toy", "Some One",
            _day(number), _day(number), 120 if lost else 900, "", optimizer, dropout, seed,
            "" if lost else accuracy(optimizer, dropout, seed),
        ])  # fmt: skip
    write("clearml_table.csv", _text(header, rows))


def neptune_table() -> None:
    """`project.fetch_runs_table().to_pandas().to_csv()`: sys/…, parameters/…; neptune's docs of fetch_runs_table."""
    header = [
        "",
        "sys/creation_time",
        "sys/failed",
        "sys/hostname",
        "sys/id",
        "sys/name",
        "sys/owner",
        "sys/running_time",
    ]
    header += ["sys/size", "sys/state", "sys/tags", "parameters/optimizer", "parameters/dropout", "parameters/seed"]
    header += ["val/accuracy"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        rows.append([
            number, _day(number) + "Z", lost, "node0", f"TOY-{number + 1}", f"toy-{number}", "someone",
            61.5 + number % 9, 12_345 + number, "inactive", "", optimizer, dropout, seed,
            LAST if lost else accuracy(optimizer, dropout, seed),
        ])  # fmt: skip
    write("neptune_table.csv", _text(header, rows))


def determined_trials() -> None:
    """`det experiment describe --csv`, trials.csv: harness/determined/cli/experiment.py; hyperparameters are JSON."""
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        state = "ERROR" if is_lost(optimizer, seed) else "COMPLETED"
        settings = json.dumps({"optimizer": optimizer, "dropout": dropout}, indent=4)
        rows.append([100 + number, 7, state, _day(number), _day(number), settings])
    write("determined_trials.csv", _text(["Trial ID", "Experiment ID", "State", "Started", "Ended", "H-Params"], rows))


def katib_trials() -> None:
    """The text of Katib's page, FetchHPJobInfo: "trialName,Status", the metrics, the parameters (pkg/ui hp.go)."""
    header = ["trialName", "Status", "Validation-accuracy", "Train-accuracy", "dropout", "optimizer", "seed"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        value = accuracy(optimizer, dropout, seed)
        rows.append([
            f"random-{random.Random(number).getrandbits(32):08x}", "Failed" if lost else "Succeeded",
            *(("", "") if lost else (f"{value:.6f}", f"{value + 0.01:.6f}")), dropout, optimizer, seed,
        ])  # fmt: skip
    write("katib_trials.csv", _text(header, rows))


def nni_export() -> None:
    """`nnictl experiment export --type csv`: the parameters, the reward, the trial's id; failed trials are not there
    (tools/nni_cmd/nnictl_utils.py, export_trials_data). 42 rows: the lost ones cannot be known."""
    rows = [
        [optimizer, dropout, seed, accuracy(optimizer, dropout, seed), f"{random.Random(number).getrandbits(25):05x}"]
        for number, (optimizer, dropout, seed) in enumerate(runs())
        if not is_lost(optimizer, seed)
    ]
    write("nni_export.csv", _text(["optimizer", "dropout", "seed", "reward", "trialJobId"], rows))


def sagemaker_analytics() -> None:
    """`HyperparameterTuningJobAnalytics.dataframe().to_csv()`: sagemaker/analytics.py; categories keep JSON's quotes,
    a job that failed has no objective (https://docs.aws.amazon.com/sagemaker/latest/APIReference/
    API_HyperParameterTrainingJobSummary.html)."""
    header = ["", "dropout", "optimizer", "seed", "TrainingJobName", "TrainingJobStatus", "FinalObjectiveValue"]
    header += ["TrainingStartTime", "TrainingEndTime", "TrainingElapsedTimeSeconds"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        rows.append([
            number, dropout, f'"{optimizer}"', float(seed), f"toy-260102-1000-{number + 1:03}-{number * 7919:08x}",
            "Failed" if lost else "Completed", "" if lost else accuracy(optimizer, dropout, seed),
            _day(number) + "+00:00", _day(number) + "+00:00", 300.0 + number % 11,
        ])  # fmt: skip
    write("sagemaker_analytics.csv", _text(header, rows))


def slurm_sacct() -> None:
    """`sacct -P` of an array job joined with its table of parameters: https://slurm.schedmd.com/sacct.html (JOB STATE
    CODES); "|" between columns."""
    header = ["JobID", "JobName", "Partition", "Account", "AllocCPUS", "State", "ExitCode", "Elapsed", "MaxRSS"]
    header += ["optimizer", "dropout", "seed", "val_accuracy"]
    words = {1: ("OUT_OF_MEMORY", "0:125"), 4: ("TIMEOUT", "0:0"), 6: ("CANCELLED by 1000", "0:15")}
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        state, code = words[seed] if lost else ("COMPLETED", "0:0")
        rows.append([
            f"4711_{number}", "train.sh", "gpu", "lab", 8, state, code, f"00:{10 + number % 40:02}:00",
            f"{900 + number}M", optimizer, dropout, seed, "" if lost else accuracy(optimizer, dropout, seed),
        ])  # fmt: skip
    write("slurm_sacct.csv", _text(header, rows, delimiter="|"))


def sacred_omniboard() -> None:
    """Sacred's runs as Omniboard's table shows them: github.com/vivekratnavel/omniboard (no file of its was seen)."""
    header = ["Id", "Heartbeat", "Experiment Name", "Hostname", "Status", "Start Time", "Duration", "Result", "dropout"]
    header += ["optimizer", "seed"]
    rows = []
    for number, (optimizer, dropout, seed) in enumerate(runs()):
        lost = is_lost(optimizer, seed)
        rows.append([
            number + 1, _day(number), "toy", "node0", "FAILED" if lost else "COMPLETED", _day(number),
            f"{number % 7}m 3s", "" if lost else accuracy(optimizer, dropout, seed), dropout, optimizer, seed,
        ])  # fmt: skip
    write("sacred_omniboard.csv", _text(header, rows))


if __name__ == "__main__":
    for make in (
        wandb_page, wandb_api, mlflow_page, clearml_table, neptune_table, determined_trials, katib_trials, nni_export,
        sagemaker_analytics, slurm_sacct, sacred_omniboard,
    ):  # fmt: skip
        make()
