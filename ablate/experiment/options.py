"""A study and options into what is fixed before the first trial: data, name, facts, the first words to the tracker."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from ablate import system
from ablate.data import Dataset, check_sizes, data_cautions, load_dataset, select_task
from ablate.experiment.cautions import all_cautions
from ablate.storage.facts import Facts
from ablate.storage.files.json_file import to_plain
from ablate.study.catalog import MODELS
from ablate.study.cautions import sentences
from ablate.study.rate import rate_of
from ablate.study.settings import Study
from ablate.study.toml import settings, to_toml
from ablate.tracking import StudyRun
from ablate.workers.queue import count_workers

Only: TypeAlias = Literal["search", "ablation"]


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how a study runs; nothing here changes a trial's numbers but the threads per worker and the stacks."""

    out: Path
    tracking_uri: str
    command: str  # as typed, for the report
    data_dir: Path | None = None  # given: no fallback to a download or the stand-in
    workers: int | None = None  # None: as many as cores, GPUs and memory bear
    stack: int | None = None  # trials of one structure trained as one program; None: as the device likes
    only: Only | None = None
    fresh: bool = False
    reuse: bool = True  # take the results that other studies have of the very same trials
    go_on: bool = False  # although the study file has changed, where finished trials are still results of it
    retry: bool = False  # train again what failed or ran out of memory

    @property
    def cache(self) -> Path:
        """The folder of what outlives a study: range tests, trials, how programs are made."""
        return self.out / ".cache"


def open_data(study: Study, data_dir: Path | None, *, announce: Callable[[str], None]) -> Dataset:
    """The study's data: from --data-dir, the usual data folder, the web, or the built-in stand-in."""
    is_explicit = data_dir is not None
    data = load_dataset(study.data.name, data_dir=data_dir, explicit=is_explicit, base=study.base, announce=announce)
    before = study.transfer.classes if study.transfer else None
    task = select_task(data, study.data.classes, before=before, test=study.data.test)
    check_sizes(task, n_train=study.data.train, n_validation=study.data.validation)
    return task


def label(study: Study, data: Dataset) -> str:
    """The name under which results are kept: those of a quick run or of the stand-in never mix with the real ones."""
    return study.name + ("@quick" if study.quick else "") + ("@stand-in" if data.stand_in else "")


def gather_facts(study: Study, data: Dataset, options: Options) -> Facts:
    """What is fixed from now on, with the cores divided among the workers."""
    cores = system.usable_cores()
    memory = system.memory_bytes()
    seen = data_cautions(data)
    workers = options.workers or count_workers(cores, gpus=system.count_gpus(), memory=memory)
    return Facts(
        study=study,
        data=data,
        label=label(study, data),
        command=options.command,
        workers=workers,
        threads=max(1, cores // workers),
        tracking_uri=options.tracking_uri,
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        stack=options.stack,
        cautions=seen.cautions,
        remarks=seen.remarks,
    )


def warnings(facts: Facts) -> list[str]:
    """What a person should know before the first trial, in a line each."""
    study, lines = facts.study, list[str]()
    kind, asked = MODELS.get(study.model.name), study.data.train
    if kind is not None and kind.needs_gpu and not system.count_gpus():
        name = study.model.name
        lines.append(
            f"model {name} needs a GPU, but there is none: on a CPU the full study takes days, --quick takes minutes"
        )
    if (
        asked is not None and asked > facts.n_train() and not study.quick
    ):  # a quick run asks for more than small sets have
        lines.append(f"data.train is {asked:,}, but there are only {facts.n_train():,} training examples: all are used")
    return [*lines, *_about_rate(study), *sentences(all_cautions(facts, []))]


def _about_rate(study: Study) -> list[str]:
    """That a rate that was typed is not trained at, where each variant finds its own."""
    typed, modes = rate_of(study.baseline).value, study.ablation.learning_rate
    if typed is None or "carry" in modes or not study.ablation.seeds:
        return []
    return [
        f"the comparisons do not use baseline.learning_rate {typed:g}: ablation.learning_rate is "
        f'"{modes[0]}", so each variant gets its own rate; with "carry" all variants train at {typed:g}'
    ]


def study_run(facts: Facts) -> StudyRun:
    """The study as its tracker is told of it."""
    git = system.git_state(Path.cwd())
    tags = {f"version.{name}": number for name, number in system.versions().items()}
    return StudyRun(
        study=facts.label,
        title=facts.study.title,
        params=settings(facts.study),
        tags={**tags, "git_commit": git["commit"] if git else "", "command": facts.command},
        data=to_plain(facts.about_data()),
        study_toml=to_toml(facts.study),
        reference=facts.study.baseline,
    )
