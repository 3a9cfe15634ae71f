"""Assign roles to the columns of an imported table: score, seed, state, factors."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ablate.analysis.imports.asked import MAXIMIZE, MINIMIZE, ImportOptions
from ablate.analysis.imports.exports import Export, recognize
from ablate.analysis.imports.factors import find_factors
from ablate.analysis.imports.folds import split_note
from ablate.analysis.imports.replicates import find_replicates
from ablate.analysis.imports.scores import MOST_NAMED, find_direction, find_score, find_unit, listed, unit_note
from ablate.analysis.imports.states import States, find_states
from ablate.analysis.imports.words import coded, n_levels
from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.storage.results import column_of
from ablate.study.trial import State
from ablate.text import printable

__all__ = ["MAXIMIZE", "MINIMIZE", "RATE", "ImportOptions", "Roles", "find_roles"]
RATE = "learning_rate"
OPTIONS = {"the score": "--score", "the seed": "--seed", "the state": "--state", "the block": "--block"}  # of roles
NO_SEEDS = "No seed column is given (--seed), so runs cannot be paired: the results are descriptive, without tests."


@dataclass(frozen=True, slots=True)
class Roles:
    """The role of each column; `seeds` is () and `state` "" if the table has none."""

    factors: tuple[str, ...]
    score: str
    direction: str
    seeds: tuple[str, ...]  # columns whose values identify a run's replicate
    state: str
    notes: tuple[str, ...]  # assumptions, as sentences; the first lists all roles
    states: Mapping[str, State] = field(default_factory=dict)  # the meaning of the cells of `state`
    unit: str = ""
    together: tuple[tuple[str, str], ...] = ()  # factors that always change together
    taken: tuple[str, ...] = ()  # columns of a role, without the factors
    overlap: float | None = None  # n_test / n_train, if replicates are folds whose training sets overlap
    block: str = ""  # the column of data sets on each of which effects are estimated; among `seeds` too

    @property
    def seed(self) -> str:
        """The columns of the replicate in words; "" without."""
        return " and ".join(self.seeds)


def find_roles(runs: Runs, asked: ImportOptions) -> Roles:
    """The roles stated by the user, else those of the source, else those suggested by names and values, with notes."""
    export = recognize(map(str, runs.table))
    score = find_score(runs, asked, export)
    direction = find_direction(runs, asked, export, score=score)
    unit = find_unit(runs, asked, score=score, direction=direction)
    replicates = find_replicates(runs, asked, export, score=score)
    blocks = (*replicates.columns, *replicates.averaged)
    states = find_states(runs, asked, export, score=score, taken=(*blocks, *replicates.others))
    taken = {score: "the score", **dict.fromkeys(blocks, "the seed"), states.column: "the state"}
    _check_block(runs, asked, {states.column: "the state", score: "the score"})
    taken |= {asked.block: "the block"} if asked.block else {}
    taken |= {runs.run_id: "the run ID", runs.ends: "where each run ended"} | dict.fromkeys(states.others, "the state")
    _check_ignored(runs, asked, taken)
    factors = find_factors(runs, asked, export, taken=taken, replicates=replicates)
    _check_names(runs, factors.names)
    read_as = _read_as(export, factors.names, score, direction, replicates.name, states, factors.left_out, asked.block)
    said = [
        unit_note(runs, score=score, unit=unit),
        replicates.note,
        *(_together(*pair, asked) for pair in factors.together),
    ]
    notes = [read_as, *filter(None, said), *([] if replicates.columns else [NO_SEEDS, *split_note(export.kinds)])]
    return Roles(
        factors.names, score, direction, replicates.columns, states.column, tuple(notes), states.meanings, unit,
        factors.together, tuple(filter(None, taken)), replicates.overlap, asked.block,
    )  # fmt: skip


def _read_as(
    export: Export, factors: Sequence[str], score: str, direction: str, seed: str, states: States,
    left_out: Mapping[str, str], block: str,
) -> str:  # fmt: skip
    better = "higher" if direction == MAXIMIZE else "lower"
    parts = [
        f"factors {listed(list(factors))} (--factors)",
        f"score {score}, {better} is better (--score, --direction)",
        f"seed {seed} (--seed)" if seed else "no seed (--seed)",
        *[f"block {block} (--block)"] * bool(block),
        f"state {states.text()} (--state, --states)" if states.column else "no state (--state)",
    ]
    parts += [f"ignored {_reasons(left_out)}"] if left_out else []
    made = [tool.name for tool in export.tools]
    return f"Read as: {'; '.join(parts)}{f'; columns written by {listed(made)}' if made else ''}."


def _check_ignored(runs: Runs, asked: ImportOptions, taken: Mapping[str, str]) -> None:
    """Reject a column that may not differ between two runs, or that is itself compared."""
    for name in asked.ignore:
        runs.column(name)
        option = OPTIONS.get(taken.get(name, ""), "")
        if option or name in asked.factors:
            what = f"is {taken[name]}" if option else "is in --factors too"
            way_out = f"or choose another column with {option}" if option else "or out of --factors"
            raise DataError(
                f'{runs.place}: --ignore: "{printable(name)}" {what}\n  leave it out of --ignore, {way_out}'
            )


def _check_block(runs: Runs, asked: ImportOptions, taken: Mapping[str, str]) -> None:
    """A block has two values or more, and no other role; it may be among the columns of the seed."""
    if not asked.block:
        return
    name, n = printable(asked.block), n_levels(coded(runs.column(asked.block)))
    role = taken.get(asked.block, "")
    option = "--factors" if asked.block in asked.factors else OPTIONS.get(role, "")
    if option:
        raise DataError(f"{runs.place}: --block {name}: is named with {option} too\n  choose one of the two roles")
    if n < 2:
        said = f"{runs.place}: --block {name}: must have two values or more, got {n}"
        raise DataError(f"{said}\n  leave --block out: all runs are of one")


def _together(one: str, other: str, asked: ImportOptions) -> str:
    left_out = ", and leave it out of --factors" if asked.factors else ""
    way_out = f"to compare both at once, add --ignore {other}{left_out}"
    return f"{one} and {other} always change together, so their effects cannot be separated; {way_out}."


def _reasons(left_out: Mapping[str, str]) -> str:
    """ "a, b (the same in every run), c (reads as a result)"."""
    reasons = list(dict.fromkeys(left_out.values()))
    grouped = [(why, [name for name, its in left_out.items() if its == why]) for why in reasons[:MOST_NAMED]]
    return ", ".join(f"{listed(names)} ({why})" for why, names in grouped)


def _check_names(runs: Runs, factors: Sequence[str]) -> None:
    """Factors must remain distinguishable in "factor=level", and in the columns of the results table."""
    if wrong := [name for name in factors if "=" in name]:
        rule = f'a factor\'s name must not contain "=", got "{printable(wrong[0])}"'
        raise DataError(f"{runs.place}: {rule}\n  rename the column")
    columns = Counter(map(column_of, factors))
    twice = [name for name in factors if columns[column_of(name)] > 1]
    twice = twice or next(([name, own] for name in factors if (own := column_of(name)) != name and own in factors), [])
    if twice:
        both = f'"{printable(twice[0])}" and "{printable(twice[1])}"'
        raise DataError(f"{runs.place}: {both} would share one column in the results\n  rename one of them")


def own_names(runs: Runs, roles: Roles) -> Mapping[str, str]:
    """Column -> factor name: without the tool's prefix, unless two columns would then have the same name."""
    columns = [str(name) for name in runs.table]
    export = recognize(columns)
    own = {column: export.name(column) for column in roles.factors}
    taken = Counter(column_of(name) for name in (*own.values(), *(set(columns) - set(own))))
    return {column: name if taken[column_of(name)] == 1 and "=" not in name else column for column, name in own.items()}


def in_own_names(asked: ImportOptions, names: Mapping[str, str]) -> ImportOptions:
    """The user's options with factor names in place of column names."""
    return replace(asked, reference=_renamed(asked.reference, names), target=_renamed(asked.target, names))


def _renamed(stated: str, names: Mapping[str, str]) -> str:
    """ "params.a=1, params.b=x" as "a=1, b=x"."""
    for column, name in names.items():
        written = name.replace("\\", "\\\\")  # as a replacement template of `re`
        stated = re.sub(rf"(^|,)\s*{re.escape(column)}\s*=", rf"\g<1>{written}=", stated)
    return stated
