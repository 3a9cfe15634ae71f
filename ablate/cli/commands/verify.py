"""`ablate verify`: retrain recorded trials of a study and compare the results with the record."""

import json
import math
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from ablate.cli.commands import DONE, INTERRUPTED, UNFINISHED
from ablate.errors import AblateError
from ablate.experiment.on_cluster import asked_cluster, read_request
from ablate.experiment.options import open_data
from ablate.experiment.verify import Prepared, VerifyOptions, prepare, read_recorded, retrain
from ablate.interface.display.stream import say
from ablate.interface.reading import find_folder
from ablate.storage.folder import StudyFolder
from ablate.storage.provenance import Provenance, read_provenance
from ablate.storage.verified import RetrainedTrial, Round, in_a_sentence, in_words
from ablate.study.load import load_study
from ablate.study.names import find_study
from ablate.system import on_stop_signal
from ablate.text import number_of
from ablate.workers.cluster.address import ClusterRequest


@dataclass(frozen=True, slots=True)
class VerifyArguments:
    """The options of the command line."""

    name: str
    asked: VerifyOptions
    out: Path
    data_dir: Path | None
    as_json: bool


def run(chosen: VerifyArguments) -> int:
    """Compare the conditions, retrain, print one line per trial, and return the exit code."""
    _check(chosen.asked)
    path, beside = find_recorded(chosen.name, chosen.out)
    parts = _parts(path, chosen.asked)
    if not parts:
        return _verify(path, beside, chosen)
    codes = [_verify(part, beside, replace(chosen, asked=asked)) for part, asked in parts]
    _rebuilt(StudyFolder(path))
    return max(codes)


def _verify(path: Path, beside: Path | None, chosen: VerifyArguments) -> int:
    """Verify the study in the folder `path`, on one data set."""
    stop, shown = threading.Event(), _Shown(as_json=chosen.as_json)
    with StudyFolder(path).lock(), ExitStack() as opened:
        recorded = read_recorded(path, beside=beside)
        data = open_data(recorded.study, chosen.data_dir, announce=shown.say)
        asked, device = _request(chosen, recorded.facts), recorded.conditions.device
        cluster = opened.enter_context(asked_cluster(asked, recorded.study, device=device, on_notice=shown.say))
        opened.enter_context(on_stop_signal(stop.set))
        prepared = prepare(recorded, data, chosen.asked, cluster=cluster)
        shown.open(prepared)
        done = retrain(prepared, stop=stop, on_check=shown.check, announce=shown.say)
        report = _rebuilt(recorded.folder) if done.checks else ""
    is_whole = len(done.checks) == len(prepared.entries)
    shown.close(done, missing=len(prepared.entries) - len(done.checks), report=report)
    if stop.is_set() and not is_whole:
        return INTERRUPTED
    is_well = is_whole and not done.table and all(check.verdict != "differs" for check in done.checks)
    return DONE if is_well else UNFINISHED


def _request(chosen: VerifyArguments, facts: Provenance) -> ClusterRequest | None:
    """The cluster that is asked for, with as many threads a worker as were recorded."""
    asked = chosen.asked
    if asked.cluster is None:
        return None
    return read_request(asked.cluster, out=chosen.out, threads=facts.threads, workers=asked.workers)


class _Shown:
    """Output as lines for people, or as one JSON object per line for machines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json, self._width, self._sign = as_json, 0, 1
        self._console = Console(highlight=False)

    def say(self, text: str) -> None:
        self._put({"event": "notice", "text": text}, [text])

    def open(self, prepared: Prepared) -> None:
        trials = [entry.spec.trial for entry in prepared.entries]
        self._width, self._sign = min(60, max(map(len, trials))), _sign(prepared.recorded.facts)
        self._put(
            {
                "event": "opened",
                "study": prepared.recorded.folder.path.name,
                "trials": trials,
                "of": prepared.of,
                "workers": prepared.workers,
                "threads": prepared.threads,
                "tolerance": prepared.tolerance,
                "changes": prepared.changes,
            },
            opening(prepared),
        )

    def check(self, check: RetrainedTrial) -> None:
        before, after = (_score(score, sign=self._sign) for score in check.score)
        line = f"{check.trial:<{self._width}}   {before} → {after}   {in_words(check)}"
        self._put({"event": "check", **asdict(check), "words": in_words(check)}, [line])

    def close(self, done: Round, *, missing: int, report: str) -> None:
        answer = in_a_sentence([done])
        lines = [answer] if answer else []
        lines += [change for change in done.changes if change.startswith("compile policies")]
        if missing:
            lines.append(f"{missing:,} not retrained: stopped before {'they' if missing > 1 else 'it'} ended")
        if report:
            lines.append(f"report   {report}")
        said = {"event": "closed", "answer": answer, "missing": missing, "changes": done.changes, "report": report}
        self._put(said, lines)

    def _put(self, event: dict[str, object], lines: list[str]) -> None:
        if self._as_json:
            print(json.dumps(event), flush=True)
        else:
            say(self._console, lines, soft_wrap=not self._console.is_terminal)


def opening(prepared: Prepared) -> list[str]:
    """How many trials, on which machine, with which tolerance, and why not bit for bit."""
    chosen, workers = len(prepared.entries), prepared.workers
    threads = f"{prepared.threads} thread{'s' if prepared.threads > 1 else ''}" + " each" * (workers > 1)
    how = f"within {prepared.tolerance:g}" if prepared.tolerance else "bit for bit"
    name = prepared.recorded.folder.path.name
    head = f"{name}   {chosen:,} of {number_of(prepared.of, 'trial')} on {number_of(workers, 'worker')} with {threads}"
    lines = [f"{head}, compared {how}", *(f"note     {change}" for change in prepared.changes)]
    if prepared.changes and not prepared.tolerance:
        lines.append("so rounding may differ; this is allowed unless you set --tolerance 0")
    return lines


def _check(asked: VerifyOptions) -> None:
    if asked.names and asked.every:
        raise AblateError("--trial and --all: choose one")
    if asked.tolerance is not None and not (math.isfinite(asked.tolerance) and asked.tolerance >= 0):
        raise AblateError(f"--tolerance {asked.tolerance}: must be 0 (bit for bit) or a small positive number")


def _parts(path: Path, asked: VerifyOptions) -> list[tuple[Path, VerifyOptions]]:
    """The folders of the parts of a study on several data sets, with what is asked of each; [] for other studies.

    A trial "mnist/ablation-…" is one of the part on that data set.
    """
    parts = parts_of(path)
    if not asked.names:
        return [(folder, asked) for folder in parts.values()]
    own = {name: [trial.partition("/")[2] for trial in asked.names if trial.startswith(f"{name}/")] for name in parts}
    if parts and (lost := [trial for trial in asked.names if trial.partition("/")[0] not in parts]):
        example = f"{next(iter(parts))}/{lost[0]}"
        raise AblateError(f"--trial {lost[0]}: names no data set of the study\n  write it as in results.csv: {example}")
    return [(parts[name], replace(asked, names=tuple(trials))) for name, trials in own.items() if trials]


def parts_of(path: Path) -> dict[str, Path]:
    """Data set -> the folder of the study on it alone; {} for a study on one data set."""
    facts = read_provenance(path / "provenance.json")
    labels = zip(facts.data_sets or (), facts.parts or (), strict=False)
    return {str(data.name): path.parent / label for data, label in labels}


def find_recorded(name: str, out: Path) -> tuple[Path, Path | None]:
    """The folder of the study's results, and the folder of its study file if the user named that file."""
    if not name.endswith(".toml"):
        return _holding(name, out), None
    path = find_study(name, folder=Path.cwd())
    study = load_study(path, overrides=[], quick=False)
    return _holding(study.name, out), path.parent


def _holding(name: str, out: Path) -> Path:
    """The folder with the trials, or with the provenance of a study that consists of others."""
    try:
        folder = find_folder(name, out, holding="provenance.json")
        if read_provenance(folder / "provenance.json").parts:
            return folder
    except AblateError:
        pass
    return find_folder(name, out, holding="trials.jsonl")


def _rebuilt(folder: StudyFolder) -> str:
    page = folder.path / "report.html"
    if not (page.exists() and folder.results.exists()):
        return ""
    from ablate.report import build_report

    try:
        return str(build_report(folder.path).html)
    except AblateError as err:
        return f"could not be rebuilt: {err}"


def _score(score: float | None, *, sign: int) -> str:
    """The deciding metric itself: scores are higher where they are better."""
    return "none" if score is None else f"{sign * score:.4f}"


def _sign(facts: Provenance) -> int:
    """-1 if the deciding metric is minimized."""
    task = facts.task
    is_minimized = task is not None and any(m.goal == "minimize" for m in task.metrics if m.name == task.decides)
    return -1 if is_minimized else 1
