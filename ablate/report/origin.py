"""The title facts, the warning banners, and the section on data, machine, versions and how to reproduce."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects import confirmatory_runs
from ablate.report.backends import backend_said, versions_behind
from ablate.report.inputs import Inputs, trained_reference
from ablate.report.left_out import source_runs
from ablate.report.numbers import count, duration
from ablate.report.page import Block, Definitions, Listing, Section
from ablate.storage.provenance import DataFacts, GitFacts, HardwareFacts, Provenance
from ablate.storage.results import factor_columns, factor_name
from ablate.storage.verified import in_a_sentence, read_rounds
from ablate.study.trial import BEST, DATA_SET, RATE_SETTING, REFERENCE
from ablate.text import number_of

PARTS = {  # of the wall time, without tracking ("track"), which runs in parallel
    "train": "training", "evaluate": "evaluating", "compile": "compiling", "lr_test": "learning-rate tests",
    "pretrain": "pretraining", "data": "data", "build": "building models", "inspect": "inspecting layers",
    "open": "reading the data", "start": "starting the workers", "idle": "workers waiting",
    "search": "choosing configurations", "track_wait": "tracking", "report": "report",
}  # fmt: skip
MOST_MACHINES = 6  # of a cluster, named one by one
REFERENCE_KINDS = {"both": "baseline", "best": "best of the search"}
CITATION = """@software{{ablate,
  title   = {{ablate: which part of a network matters}},
  version = {{{version}}},
  note    = {{Study: {title}; data fingerprint {fingerprint}}}
}}
"""


def banners(inputs: Inputs) -> list[tuple[str, str]]:
    """Warnings that a reader must not miss."""
    facts, found = inputs.facts, []
    if inputs.data.stand_in:
        name = inputs.data.name or "the data set"
        found.append(("Not real data", f"{name} was not available, so this study used built-in synthetic data."))
    if facts.mixed:
        found.append(
            (
                "Unlike machines",
                "Machines of a cluster were taken in whose numbers may differ from the others' by rounding (--mixed): "
                "no run can be repeated to the bit. The column trained_on of results.csv names each run's machine.",
            )
        )
    again = facts.command or "the same command"
    if facts.part_of:
        found.append(("One of several data sets", f"The claims are in the report of {facts.part_of}, on all of them."))
    if facts.quick:
        found.append(("Quick run", "--quick cut the budget: good for trying things out, not for conclusions."))
    if facts.interrupted:
        found.append(("Interrupted", f"The study was stopped. To resume it, run “{again}”."))
    elif facts.complete is False:
        found.append(("Incomplete", f"Trials are missing. To run them, use “{again}”."))
    found += [("Not compared", f"{reason}.") for reason in facts.confounded or []]
    return [*found, *(("Taken on trust", f"{sentence}.") for sentence in facts.ignored or [])]


def title_facts(inputs: Inputs) -> list[tuple[str, str]]:
    """Data, reference and size of the study."""
    kind = inputs.facts.reference_kind
    levels = " · ".join(f"{factor_name(name)} {level}" for name, level in trained_reference(inputs).items())
    source, total = inputs.facts.source or "a file", (inputs.facts.time or {}).get("total")
    pairs = [
        ("Read from", f"{source}, a table from another tool" if inputs.is_imported else ""),
        ("Read as", inputs.facts.read_as or ""),
        ("Data", "" if inputs.is_imported else data_text(inputs)),
        (f"Reference{f' ({REFERENCE_KINDS.get(str(kind), kind)})' if kind else ''}", levels),
        ("Second reference", _second_reference(inputs)),
        ("Size", _size(inputs)),
        ("Time", duration(total) if total else ""),
    ]
    return [(name, text) for name, text in pairs if text]


def _size(inputs: Inputs) -> str:
    results, compared = inputs.results, inputs.runs
    if inputs.is_imported:
        sizes = [number_of(len(source_runs(inputs)), "row")]
    else:
        phases = [(phase, int((results["phase"] == phase).sum())) for phase in ("search", "tune")]
        sizes = [number_of(n, f"{phase} trial") for phase, n in phases if n]
    if n_variants := compared.loc[compared["variant"] != REFERENCE, "variant"].nunique():
        sizes.append(f"{number_of(n_variants, 'variant')} and the reference{_seeds(inputs, compared)}")
    crossed = confirmatory_runs(results, design="factorial")
    if len(crossed):
        sizes.append(f"a factorial of {crossed['variant'].nunique():,} cells{_seeds(inputs, crossed)}")
    return ", ".join(sizes)


def _seeds(inputs: Inputs, runs: pd.DataFrame) -> str:
    if not inputs.has_seeds:
        return ""
    if inputs.data_sets is not None and DATA_SET in runs:
        most = int(runs.groupby(DATA_SET)["seed"].nunique().max())
        return f" × {len(inputs.data_sets.names)} data sets × {number_of(most, 'seed')}"
    return f" × {number_of(runs['seed'].nunique(), 'seed')}"


def _second_reference(inputs: Inputs) -> str:
    runs = inputs.confirmatory()
    rows = runs[runs["variant"] == BEST]
    if rows.empty:
        return ""
    names = [name for name in factor_columns(runs) if name != RATE_SETTING]
    return "the best of the search: " + " · ".join(f"{name} {rows[name].iloc[0]}" for name in names)


def data_text(inputs: Inputs) -> str:
    """The data set in one line; several after each other."""
    several = inputs.facts.data_sets
    return "; ".join(map(_one_text, several)) if several else _one_text(inputs.data)


def _one_text(data: DataFacts) -> str:
    if data == DataFacts():
        return ""
    sizes = ((data.n_train, "train"), (data.n_validation, "validation"), (data.n_test, "test"))
    splits = [f"{count(n)} {name}" for n, name in sizes if n is not None]
    stand_in = " (built-in synthetic data)" if data.stand_in else ""
    fingerprint = [f"fingerprint {data.fingerprint[:12]}…"] if data.fingerprint else []
    return " · ".join([f"{data.name or ''}{stand_in}", *splits, *fingerprint])


def origin_section(inputs: Inputs) -> Section:
    """Data, machine, versions, time, how to reproduce, how to cite; the study file is folded."""
    blocks: list[Block] = []
    pairs = [*_source(inputs), *_machine(inputs), *_outcome(inputs)]
    if pairs:
        blocks.append(Definitions(pairs))
    if inputs.study_file:
        blocks.append(Listing("The study file, resolved", inputs.study_file))
    citation = CITATION.format(
        version=inputs.facts.ablate_version or "unknown",
        title=_bibtex(inputs.title),
        fingerprint=_fingerprints(inputs) or "not recorded",
    )
    blocks.append(Listing("How to cite", citation))
    return Section("origin", "Provenance", blocks)


def _source(inputs: Inputs) -> list[tuple[str, str]]:
    data, seed = inputs.data, inputs.facts.seed
    several = [f"{name} {_sides(shape)}" for name, shape in (data.inputs or {}).items()]
    shape, scaling = ", ".join(several) or _shape(data.shape or ()), f"scaling {data.scaling}" if data.scaling else ""
    return _stated(
        ("Study seed", "" if seed is None else str(seed)),
        ("Data", " · ".join(text for text in (data_text(inputs), shape, scaling) if text)),
        ("Data source", data.source or ""),
        ("Pretrained on", data.pretraining or ""),
        ("Reading", data.placement or ""),
        ("Data fingerprint", _fingerprints(inputs)),
    )


def _fingerprints(inputs: Inputs) -> str:
    """The fingerprint of the data; of several data sets, each after its name."""
    several = inputs.facts.data_sets
    return ", ".join(f"{one.name} {one.fingerprint}" for one in several) if several else inputs.data.fingerprint or ""


def _shape(shape: Sequence[int]) -> str:
    """ "32 × 32 × 3", "13 inputs"."""
    return number_of(shape[0], "input") if len(shape) == 1 else _sides(shape)


def _sides(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _machine(inputs: Inputs) -> list[tuple[str, str]]:
    facts = inputs.facts
    hardware, git = facts.hardware or HardwareFacts(), facts.git or GitFacts()
    parts = [
        hardware.machine or "",
        hardware.cpu or "",
        number_of(hardware.cores, "core") if hardware.cores else "",
        f"{hardware.memory_gb} GB" if hardware.memory_gb else "",
        "" if hardware.gpus is None else ", ".join(hardware.gpus) or "no GPU",
    ]
    commit = f"{git.commit or ''}{' with changes' if git.dirty else ''}"
    versions = [f"{name} {version}" for name, version in versions_behind(inputs).items()]
    ablate = [f"ablate {facts.ablate_version}"] if facts.ablate_version else []
    threads = "?" if facts.threads is None else facts.threads
    workers = f"{facts.workers}, {threads} {'thread' if threads == 1 else 'threads'} each" if facts.workers else ""
    return _stated(
        ("Backend", backend_said(inputs)),
        ("Versions", ", ".join([*ablate, *versions])),
        ("Hardware", ", ".join(filter(None, parts))),
        ("Workers", workers),
        ("Machines", _cluster(facts)),
        ("Git commit", commit.strip()),
    )


def _cluster(facts: Provenance) -> str:
    """The machines of a cluster, as "2: a (1 worker), b (4 workers)"; "" if there was none."""
    if not facts.nodes:
        return ""
    each = [f"{node.host} ({node.cpu}, {number_of(node.workers or 0, 'worker')})" for node in facts.nodes]
    said = f"{number_of(len(each), 'machine')} of a cluster at the start: {', '.join(each[:MOST_MACHINES])}"
    more = f" and {len(each) - MOST_MACHINES} more" if len(each) > MOST_MACHINES else ""
    return f"{said}{more}"


def _outcome(inputs: Inputs) -> list[tuple[str, str]]:
    facts = inputs.facts
    spent = facts.time or {}
    total = spent.get("total") or 0.0
    shares = [
        f"{PARTS[part]} {seconds / total:.1%}" for part, seconds in spent.items() if part in PARTS and total and seconds
    ]
    dates = [date.replace("T", " ") for date in (facts.started, facts.ended) if date]
    run = f", run {facts.parent_run_id}" if facts.parent_run_id else ""
    tracked = f"experiment {facts.experiment} at {facts.tracking_uri or ''}{run}" if facts.experiment else ""
    command, on = facts.command or "", f"KERAS_BACKEND={facts.backend}, " if facts.backend else ""
    return _stated(
        ("Ran", " to ".join(dates)),
        ("Time", f"{duration(total)}: {', '.join(shares)}" if total else ""),
        ("Tracked", tracked),
        (
            "Reproduce",
            f"{command}, with {on}the study file below and data with the same fingerprint" if command else "",
        ),
        ("Verified", _verified(inputs)),
        ("Notes", "; ".join(facts.notes or [])),
    )


def _verified(inputs: Inputs) -> str:
    parts = inputs.facts.parts or ()
    of_parts = {part: in_a_sentence(read_rounds(inputs.folder.resolve().parent / part)) for part in parts}
    known = in_a_sentence(read_rounds(inputs.folder)) if not parts else "; ".join(
        f"{part}: {said}" for part, said in of_parts.items() if said
    )  # fmt: skip
    if known or not inputs.facts.command or inputs.is_imported or inputs.facts.handed_over:
        return known
    return f"not yet; ablate verify {inputs.facts.study or 'NAME'} retrains some trials and compares the results"


def _stated(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    return [(name, text) for name, text in pairs if text]


def _bibtex(text: str) -> str:
    return "".join(f"\\{character}" if character in "{}&%$#_" else character for character in text)
