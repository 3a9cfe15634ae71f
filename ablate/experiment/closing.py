"""Write a study's tables, range tests and provenance into its folder. Rewritten at the end of every run."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import ablate
from ablate import system
from ablate.data.predictions import unpack
from ablate.experiment.cautions import all_cautions
from ablate.experiment.former_runs import FormerRuns
from ablate.experiment.preregister import preregistration_facts
from ablate.plans.cells import modes_of
from ablate.storage.conditions import model_digest
from ablate.storage.facts import Ending, Facts, fold_overlap
from ablate.storage.files.atomic import saving, write_aside
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Entry
from ablate.storage.layers import layers_table
from ablate.storage.predictions import KeptPredictions, kept_predictions, write_predictions
from ablate.storage.provenance import GitFacts, HardwareFacts, Provenance, PruningFacts, ReuseFacts
from ablate.storage.results import epochs_table, results_table, write_table
from ablate.study.backend import backend_used
from ablate.study.pruning import halving_of, rungs_of
from ablate.study.settings import StudySettings
from ablate.tracking import shown_uri


def write_folder(
    folder: StudyFolder, entries: Iterable[Entry], facts: Facts, ending: Ending, *, former: FormerRuns | None = None
) -> None:
    """Write the tables of results, epochs and (if any) layers, the predictions, the range tests and the provenance.

    `former`: the runs of the study before this one, whose facts stay where this run trained or compared nothing.

    Raises `StorageError` if a file cannot be written.
    """
    entries = list(entries)
    with saving(folder.results, "the results table"):
        rows = ((e.spec, e.outcome, e.run_id) for e in entries)
        write_table(results_table(rows, metrics=facts.task.names), folder.results)
    with saving(folder.epochs, "the epochs table"):
        write_table(epochs_table(epoch for e in entries for epoch in e.epochs), folder.epochs)
    if any(e.outcome.layers for e in entries):
        with saving(folder.layers, "the layers table"):
            write_table(layers_table(e.outcome for e in entries), folder.layers)
    if predictions := _predictions(entries, facts):
        with saving(folder.predictions, "the predictions of the test set"):
            write_predictions(predictions, folder.predictions)
    with saving(folder.lr_tests, "the learning-rate range tests"):
        write_aside(folder.lr_tests, json.dumps(_range_tests(entries), indent=1, ensure_ascii=False))
    provenance = _provenance(facts, ending, entries)
    if former is not None:
        provenance = former.kept_in(provenance, entries, compared=ending.compared)
    with saving(folder.provenance, "the provenance"):
        write_aside(folder.provenance, provenance.to_text())


def study_notes(entries: Iterable[Entry]) -> list[str]:
    """Notes on the comparisons for the user, without repeats, e.g. "activation=selu: selu asks for …".

    What is noted for every variant is said once, without a name.
    """
    of_ablation = [entry for entry in entries if entry.spec.label.phase == "ablation"]
    pairs = list(dict.fromkeys((e.spec.label.variant, note) for e in of_ablation for note in e.outcome.notes))
    n_variants, counts = len({e.spec.label.variant for e in of_ablation}), Counter(note for _, note in pairs)
    shared = {note for note, n in counts.items() if n == n_variants > 1}
    return list(dict.fromkeys(note if note in shared else f"{variant}: {note}" for variant, note in pairs))


def _range_tests(entries: list[Entry]) -> list[dict[str, object]]:
    """One entry per range test, labelled by the first trial that used it; those of the ablation first, seed by seed."""
    tests: dict[str, dict[str, object]] = {}
    for entry in sorted(entries, key=_told_first):
        test, spec = entry.outcome.rate_test, entry.spec
        if test is not None and test.key not in tests:
            factors = spec.rate_factors or spec.factors
            named = {"label": spec.label.variant or spec.trial, "seed": spec.seed, "factors": dict(factors)}
            tests[test.key] = {**named, **asdict(test)}
    return list(tests.values())


def _predictions(entries: list[Entry], facts: Facts) -> KeptPredictions | None:
    """The predictions of all trials that have some; None if there are none."""
    targets = facts.data.y_test
    packed = {e.spec.trial: e.outcome.test_predictions for e in entries if e.outcome.test_predictions}
    found = {trial: unpack(text, targets) for trial, text in packed.items()}
    return kept_predictions(targets, {trial: one for trial, one in found.items() if one is not None})


def _told_first(entry: Entry) -> tuple[bool, bool, str, str, int]:
    """Sort key: trials behind the effects come first, so that range tests get their names; the search comes last."""
    label = entry.spec.label
    return label.phase == "search", label.design != "one-factor", label.factor, label.variant, entry.spec.seed


def _provenance(facts: Facts, ending: Ending, entries: list[Entry]) -> Provenance:
    return _with_results(_with_protocol(_origin(facts, ending), facts, ending), facts, ending, entries)


def _origin(facts: Facts, ending: Ending) -> Provenance:
    """What ran, when, and on which data and machine."""
    study, git = facts.study, system.git_state(Path.cwd())
    return Provenance(
        study=facts.label,
        title=study.title,
        started=facts.started,
        ended=ending.ended,
        command=facts.command,
        ablate_version=ablate.__version__,
        versions=system.versions(),
        backend=backend_used(study) or None,
        hardware=_hardware(facts),
        nodes=list(facts.nodes) or None,
        mixed=facts.mixed or None,
        workers=facts.workers,
        threads=facts.threads,
        stack=facts.stack,
        seed=study.seed,
        git=GitFacts(**git) if git else None,
        package_in_checkout=_is_own_source(Path(ablate.__file__), Path.cwd()),
        data=facts.about_data(),
        model=_model(study),
        part_of=study.part_of or None,
    )


def _pruning(study: StudySettings) -> PruningFacts | None:
    """How the search stops trials early; None without a search."""
    search, epochs = study.search, study.training.epochs
    if not search.trials:
        return None
    factor = halving_of(search, epochs=epochs).reduction_factor if search.pruner == "asha" else None
    return PruningFacts(search.pruner, rungs_of(search, epochs=epochs), factor)


def _with_protocol(origin: Provenance, facts: Facts, ending: Ending) -> Provenance:
    """Add the task, and the settings of search, tuning and comparison."""
    study = facts.study
    return replace(
        origin,
        sampler=study.search.sampler,
        pruning=_pruning(study),
        front=ending.front,
        monitor=facts.task.monitor.name,
        task=facts.about_task(),
        margin=study.ablation.margin,
        reference=dict(ending.reference),
        reference_kind=study.ablation.reference,
        designs=study.ablation.design,
        factorial=study.ablation.factorial or (),
        recipes={name: dict(levels) for name, levels in study.recipes.items()},
        conditions={factor: dict(condition) for factor, condition in study.space.conditions.items()},
        modes=[mode for mode in modes_of(study) if mode],
        tune=ending.tune,
        seeds=study.ablation.seeds,
        max_seeds=study.ablation.max_seeds,
        looks=ending.looks,
        epochs=study.training.epochs if _has_epochs(study) else None,
        batch_size=None if study.model.trains_itself else study.training.batch_size,
        patience=None if study.model.trains_itself else study.training.patience,
        overlap=fold_overlap(study),
    )


def _with_results(protocol: Provenance, facts: Facts, ending: Ending, entries: list[Entry]) -> Provenance:
    """Add how the study ended, and where its other results are."""
    frozen = ending.frozen
    return replace(
        protocol,
        frozen=preregistration_facts(frozen, entries, origins=ending.origins) if frozen else None,
        reused=_reused(entries),
        tracking_uri=shown_uri(facts.tracking_uri),
        experiment=facts.label,
        parent_run_id="",
        time=dict(ending.seconds),
        handed_over=[given.shown for given in facts.study.functions.values()],
        complete=ending.complete,
        interrupted=ending.interrupted,
        gave_up=ending.gave_up,
        discarded=dict(Counter(name for entry in entries for name in entry.outcome.discarded)) or None,
        changes=ending.changes,
        quick=facts.study.quick,
        notes=study_notes(entries),
        cautions=all_cautions(facts, entries),
        remarks=facts.remarks,
    )


def _hardware(facts: Facts) -> HardwareFacts:
    """The machine that trained: this one, or the first of a cluster."""
    here = HardwareFacts(**system.hardware())
    if not facts.nodes:
        return here
    first = facts.nodes[0]
    return replace(here, cpu=first.cpu, cores=first.cores, memory_gb=first.memory_gb, gpus=first.gpus)


def _model(study: StudySettings) -> dict[str, str]:
    """The model's name and a digest of the user's file; the digest is "" for bundled models or if the file is lost."""
    return {"name": study.model.name, "code": model_digest(study)}


def _is_own_source(package: Path, folder: Path) -> bool:
    """Whether the package runs from its source in this folder, so that changes there are changes of the package."""
    return package.resolve().is_relative_to(folder.resolve()) and "site-packages" not in package.parts


def _reused(entries: list[Entry]) -> ReuseFacts:
    """Number of rows that reuse results of other studies, and the names of those studies."""
    trials = {entry.spec.trial for entry in entries}
    origins = [e.outcome.same_as for e in entries if e.outcome.same_as and e.outcome.same_as not in trials]
    return ReuseFacts(len(origins), list(dict.fromkeys(origin.partition("/")[0] for origin in origins)))


def _has_epochs(study: StudySettings) -> bool:
    """Whether the number of epochs says something: a user's function or program need not ask for it."""
    return not study.model.trains_itself or "epochs" in study.training.model_fields_set
