"""Write the tables and the provenance of a study on several data sets from those of its parts."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from ablate.analysis.statistics import level_of
from ablate.experiment.preregister import origins, preregistration_facts
from ablate.storage.files.atomic import write_aside
from ablate.storage.files.json_file import read_json
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Journal
from ablate.storage.preregistration import Preregistration, read_preregistration
from ablate.storage.provenance import EarlierFacts, PreregistrationFacts, Provenance, ReuseFacts, read_provenance
from ablate.study.cautions import CautionKind
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml
from ablate.study.trial import DATA_SET

CACHE = ".cache"  # beside the folders of the studies
AFTER = "mode"  # the column before that of the data sets


def combine(study: StudySettings, folders: Mapping[str, StudyFolder], whole: StudyFolder) -> None:
    """Write provenance, tables and range tests of all data sets into the folder `whole`; `folders` are by data set.

    Trials are named after their data set, "mnist/ablation-…", as two data sets have trials of one name.
    """
    write_aside(whole.provenance, _provenance(study, folders, whole).to_text())
    write_aside(whole.study_file, to_toml(study))
    results = _joined({name: folder.results for name, folder in folders.items()}, _placed)
    write_aside(whole.results, results.encode(errors="replace"))
    epochs = _joined({name: folder.epochs for name, folder in folders.items()}, _renamed)
    write_aside(whole.epochs, epochs.encode(errors="replace"))
    tests = [
        _labelled(test, name) for name, folder in folders.items() for test in read_json(folder.lr_tests, otherwise=[])
    ]
    write_aside(whole.lr_tests, json.dumps(tests, indent=1, ensure_ascii=False))


def _joined(paths: Mapping[str, Path], place: Callable[[dict[str, str], str], dict[str, str]]) -> str:
    """The rows of all files as text, each cell as it is written; a column that a file lacks is empty there.

    Files without rows give their header.
    """
    rows: list[dict[str, str]] = []
    columns = dict[str, None]()
    for name, path in paths.items():
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns |= dict.fromkeys(place(dict.fromkeys(reader.fieldnames or (), ""), name))
            rows += [place(row, name) for row in reader]
    text = StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _placed(row: dict[str, str], name: str) -> dict[str, str]:
    """A row of the results with its data set."""
    placed: dict[str, str] = {}
    for column, cell in _renamed(row, name).items():
        placed[column] = cell
        if column == AFTER:
            placed[DATA_SET] = name
    return placed


def _renamed(row: dict[str, str], name: str) -> dict[str, str]:
    """A row whose trials are named after their data set; those of other studies have their study's name already."""
    own = {"trial": f"{name}/{row['trial']}"}
    same = row.get("same_as", "")
    return {**row, **own, **({"same_as": f"{name}/{same}"} if same and "/" not in same else {})}


def _labelled(test: dict[str, Any], name: str) -> dict[str, Any]:  # Any: JSON
    return {**test, "label": f"{test.get('label', '')} on {name}"}


def _provenance(study: StudySettings, folders: Mapping[str, StudyFolder], whole: StudyFolder) -> Provenance:
    of_all = {name: read_provenance(folder.provenance) for name, folder in folders.items()}
    first, last = next(iter(of_all.values())), list(of_all.values())[-1]
    is_whole = len(of_all) == len(study.data_sets)
    data = [replace(facts.data, name=name) for name, facts in of_all.items() if facts.data is not None]
    return replace(
        first,
        study=whole.path.name,
        title=study.title,
        ended=last.ended,
        data_sets=data,
        part_of=None,
        parts=[folder.path.name for folder in folders.values()],
        modes=study.ablation.learning_rate,
        seeds=study.ablation.seeds,
        margin=study.ablation.margin,
        reference_kind=study.ablation.reference,
        complete=is_whole and all(facts.complete for facts in of_all.values()),
        interrupted=any(facts.interrupted for facts in of_all.values()),
        gave_up=next((facts.gave_up for facts in of_all.values() if facts.gave_up), ""),
        changes=_each(of_all, lambda facts: facts.changes or ()),
        notes=_each(of_all, lambda facts: facts.notes or ()),
        cautions=_cautions(of_all),
        reused=_reused(of_all),
        time=_sum(facts.time or {} for facts in of_all.values()),
        frozen=_frozen(of_all, folders, whole),
    )


def _each(of_all: Mapping[str, Provenance], said: Callable[[Provenance], Sequence[str]]) -> list[str]:
    """The sentences of all data sets, each with its data set; once without, if all have it."""
    found: dict[str, list[str]] = {}
    for name, facts in of_all.items():
        for text in said(facts):
            found.setdefault(text, []).append(name)
    return [text if len(names) == len(of_all) else f"{', '.join(names)}: {text}" for text, names in found.items()]


def _cautions(of_all: Mapping[str, Provenance]) -> dict[CautionKind, list[str]]:
    kinds = dict.fromkeys(kind for facts in of_all.values() for kind in facts.cautions or {})
    return {kind: _each(of_all, partial(_found, kind)) for kind in kinds}


def _found(kind: CautionKind, facts: Provenance) -> Sequence[str]:
    return (facts.cautions or {}).get(kind, ())


def _reused(of_all: Mapping[str, Provenance]) -> ReuseFacts:
    found = [facts.reused for facts in of_all.values() if facts.reused is not None]
    names = dict.fromkeys(name for one in found for name in one.from_ or ())
    return ReuseFacts(sum(one.rows or 0 for one in found), list(names))


def _sum(times: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for time in times:
        for part, seconds in time.items():
            total[part] = total.get(part, 0.0) + seconds
    return total


def _frozen(
    of_all: Mapping[str, Provenance], folders: Mapping[str, StudyFolder], whole: StudyFolder
) -> PreregistrationFacts | None:
    """The preregistrations of all data sets as one, at the strictest of their levels.

    The scores that were read before the whole was preregistered count against it, also those of a part that is equal
    to a study of before: the whole may have been chosen by them. Then it is judged as one that had an earlier one.
    """
    own = read_preregistration(whole.path)
    found = {name: facts.frozen for name, facts in of_all.items() if facts.frozen is not None}
    if not found or own is None:
        return None
    before = {name: _read_before(one, folders[name], own) for name, one in found.items()}
    levels = [own.level, *(one.level for one in found.values() if one.level is not None)]
    levels += [level_of(1)] * any(before.values())
    counts = [one.scores for one in found.values() if one.scores is not None]
    return PreregistrationFacts(
        digest=own.digest,
        at=own.at,
        contrasts=sum(one.contrasts or 0 for one in found.values()),
        cells=sum(one.cells or 0 for one in found.values()),
        unfrozen=sum(one.unfrozen or 0 for one in found.values()),
        level=min(levels),
        earlier=_earlier(own, found.values(), before.values()),
        among=max((one.among or 0 for one in found.values()), default=0) or None,
        scores=sum(counts) if len(counts) == len(found) else None,
        read_before=[each for one in before.values() for each in one],
        undated=sum(one.undated or 0 for one in found.values()),
    )


def _read_before(part: PreregistrationFacts, folder: StudyFolder, own: Preregistration) -> Sequence[EarlierFacts]:
    """Where scores of one data set had been read before the preregistration `own` of the whole, or of its `part`.

    A part that was preregistered after the whole knows them all. One that is equal to a study of before has the time
    of that study, and takes its scores for its own.
    """
    frozen = read_preregistration(folder.path)
    if frozen is None or not _is_before(frozen, own):
        return part.read_before or ()
    entries = Journal(folder.journal).entries.values()
    return preregistration_facts(own, list(entries), origins=origins(folder.path.parent / CACHE)).read_before or ()


def _is_before(frozen: Preregistration, own: Preregistration) -> bool:
    try:
        return datetime.fromisoformat(frozen.at) < datetime.fromisoformat(own.at)
    except (ValueError, TypeError):  # no time, or one of them without a time zone
        return True


def _earlier(
    own: Preregistration, parts: Iterable[PreregistrationFacts], before: Iterable[Sequence[EarlierFacts]]
) -> list[EarlierFacts]:
    """The preregistrations that lowered the level: of other studies on several data sets, else of single ones."""
    if own.earlier:
        return [EarlierFacts(study, at) for study, at in own.earlier]
    of_parts = [each for one in parts for each in one.earlier or ()]
    known = [EarlierFacts(each.study, each.at) for one in before for each in one if each.study]
    return list(dict.fromkeys([*of_parts, *known]))
