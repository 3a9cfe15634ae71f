"""Options of a run, and what is fixed before its first trial: data, name, facts, warnings, tracked settings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ablate import system
from ablate.data import Dataset, data_cautions
from ablate.data.placement import place_data
from ablate.data.variants import check_levels, open_examples, unread_factors
from ablate.experiment.cautions import all_cautions
from ablate.experiment.living import EVERY_MINUTE, Rewriting
from ablate.report.wording import objectives_said
from ablate.storage.facts import Facts
from ablate.study.backend import backend_used
from ablate.study.catalog import MODELS
from ablate.study.cautions import sentences
from ablate.study.objectives import generation_size, objectives_of
from ablate.study.rate import RATE, rate_of
from ablate.study.settings import StudySettings
from ablate.study.toml import settings, to_toml
from ablate.text import first_of, listed
from ablate.tracking import StudyRun
from ablate.training.own_code import check_own_code
from ablate.training.ramp_plan import cost_said
from ablate.workers.cluster.address import ClusterRequest
from ablate.workers.queue import count_workers, room_of_worker

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster

Only: TypeAlias = Literal["search", "ablation"]


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how a study runs. Only the threads per worker and the stack size affect a trial's numbers."""

    out: Path
    tracking_uri: str
    command: str  # as typed, for the report
    data_dir: Path | None = None  # if set, neither download nor use synthetic data
    workers: int | None = None  # None: as many as cores, GPUs and memory allow
    stack: int | None = None  # trials of one structure trained as one program; None: depends on the device
    only: Only | None = None
    fresh: bool = False
    reuse: bool = True  # reuse results of identical trials in other studies
    go_on: bool = False  # continue with a changed study file, if the finished trials are still valid results of it
    retry: bool = False  # train again the trials that failed or ran out of memory
    cluster: ClusterRequest | None = None  # None: on this machine
    rewriting: Rewriting | None = EVERY_MINUTE  # of the report while the study runs; None: it comes at the end alone

    @property
    def cache(self) -> Path:
        """The folder of caches that outlive a study: range tests, trials, compile policies."""
        return self.out / ".cache"


def open_data(study: StudySettings, data_dir: Path | None, *, announce: Callable[[str], None]) -> Dataset:
    """The study's data: from --data-dir, the usual data folder, a download, or the bundled synthetic data.

    Those of the baseline, where the data have factors of their own; the other levels are checked. Raises `StudyError`,
    too, if the code of trials that train themselves is missing.
    """
    check_own_code(study)
    data = check_levels(study, open_examples(study, study.baseline, data_dir=data_dir, announce=announce))
    return replace(data, notes=(*data.notes, *_about_factors(study, data)))


def _about_factors(study: StudySettings, data: Dataset) -> list[str]:
    """What to say of the factors of the data, and of those that nothing reads."""
    said, read = list[str](), [name for name in data.factors if name in study.space.dimensions]
    if read:
        each = "each of its levels" if len(read) == 1 else "each combination of their levels"
        said.append(f"{study.data.name} reads {listed(read)}: {each} has examples of its own")
    if unread := unread_factors(study, data):
        what, its = ("factor", "its") if len(unread) == 1 else ("factors", "their")
        said.append(
            f"neither model {study.model.name} nor {study.data.name} reads the {what} {listed(unread)}, so {its} "
            "levels would give identical runs"
        )
    return said


def label(study: StudySettings, data: Dataset) -> str:
    """The name under which results are stored: quick runs and synthetic data get names of their own."""
    return study.name + ("@quick" if study.quick else "") + ("@stand-in" if data.stand_in else "")


def gather_facts(study: StudySettings, data: Dataset, options: Options, *, cluster: "Cluster | None" = None) -> Facts:
    """Collect what is fixed from now on, and divide the cores among the workers."""
    cores = system.usable_cores()
    memory = system.memory_bytes()
    is_random = study.data.validation != "given"
    has_data = bool(study.data.name)
    seen = data_cautions(data, metric=study.metric.name, is_random=is_random) if has_data else None
    workers = options.workers or count_workers(cores, gpus=system.count_gpus(), memory=memory)
    threads = max(1, cores // workers)
    room = room_of_worker(workers, memory=memory, gpu_memory=system.gpu_memory_bytes(), limits=study.limits)
    if cluster is not None:
        workers, threads, room = cluster.workers, cluster.threads, cluster.room(study.limits)
    facts = Facts(
        study=study,
        data=data,
        label=label(study, data),
        command=options.command,
        workers=workers,
        threads=threads,
        tracking_uri=options.tracking_uri,
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        stack=options.stack,
        cautions=seen.cautions if seen else {},
        remarks=seen.remarks if seen else {},
        placement="" if study.model.trains_itself else place_data(data, room).said(),
        elsewhere=cluster.conditions if cluster else None,
        nodes=cluster.machines() if cluster else (),
        mixed=options.cluster is not None and options.cluster.mixed,
    )
    objectives_of(study, facts.task)  # refuses those that these data do not have
    return facts


def warnings(facts: Facts) -> list[str]:
    """Warnings to show before the first trial, one line each."""
    study, lines = facts.study, list[str]()
    kind, asked = MODELS.get(study.model.name), study.data.train
    if kind is not None and kind.needs_gpu and not system.count_gpus():
        name = study.model.name
        lines.append(
            f"model {name} needs a GPU, but there is none: on a CPU the full study takes days, --quick takes minutes"
        )
    if (
        asked is not None and asked > facts.n_train() and not study.quick
    ):  # a quick run needs more examples than small data sets have
        lines.append(f"data.train is {asked:,}, but there are only {facts.n_train():,} training examples: all are used")
    if not (study.quick or study.model.trains_itself) and (cost := cost_said(study, n_train=facts.n_train())):
        lines.append(cost)
    if facts.placement:
        lines.append(facts.placement)
    if facts.objectives and study.search.trials:
        lines.append(_about_objectives(facts))
    return [*lines, *facts.data.notes, *_about_rate(study), *_about_code(study), *sentences(all_cautions(facts, []))]


def _about_objectives(facts: Facts) -> str:
    """What the search looks for."""
    sampler = facts.study.search.sampler
    size = f" in generations of {generation_size(facts.study.search)}" if sampler == "nsga2" else ""
    return (
        f"the search is for {objectives_said(facts.objectives)} (sampler {sampler}{size}): no trial is pruned, as a "
        "pruner compares trials by one objective"
    )


def _about_rate(study: StudySettings) -> list[str]:
    """Warn that a typed learning rate is not used where each variant finds its own."""
    modes = study.ablation.learning_rate
    typed = rate_of(study.baseline).value if RATE in study.baseline else None
    if typed is None or "carry" in modes or not study.ablation.seeds:
        return []
    return [
        f"the comparisons do not use baseline.learning_rate {typed:g}: ablation.learning_rate is "
        f'"{modes[0]}", so each variant gets its own rate; with "carry" all variants train at {typed:g}'
    ]


def _about_code(study: StudySettings) -> list[str]:
    """What functions that a script handed over refer to, and no digest of their code covers."""
    return [
        f"{given.shown} refers to {first_of(given.opaque, 3)}, which ablate cannot compare with that of another run: "
        "trials of other studies are not reused, and a change of it is not noticed"
        for given in study.functions.values()
        if given.opaque
    ]


def study_run(facts: Facts) -> StudyRun:
    """The study's settings for the tracker."""
    git = system.git_state(Path.cwd())
    tags = {f"version.{name}": number for name, number in system.versions().items()}
    tags |= {"backend": backend} if (backend := backend_used(facts.study)) else {}
    tags |= {"part_of": facts.study.part_of, "data_set": facts.data.name} if facts.study.part_of else {}
    return StudyRun(
        study=facts.label,
        title=facts.study.title,
        params=settings(facts.study),
        tags={**tags, "git_commit": git["commit"] if git else "", "command": facts.command},
        data=facts.data_as_json(),
        study_toml=to_toml(facts.study),
        reference=facts.study.baseline,
    )
