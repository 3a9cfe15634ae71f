"""Find the column that says how runs ended, and interpret its words; unknown words are an error that asks the user."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast, get_args

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.replicate_names import is_seed
from ablate.analysis.imports.words import FINISHED, READINGS, VOCABULARIES, WORDS
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_scores
from ablate.errors import DataError, known_names
from ablate.study.score_words import words_of
from ablate.study.trial import CUT_SHORT, State
from ablate.text import first_of, printable

if TYPE_CHECKING:
    import pandas as pd


STATES: tuple[State, ...] = get_args(State)
MOST_WORDS = 8  # words that a message lists; a column with more words than MOST_STATES holds no states
MOST_STATES = 40
NAMED = re.compile(
    r"(?i)(.*[^a-z])?(state|status|(exit|return)[ _]?code|(exit|end|stop|termination)[ _]?reason|conclusion)|"
    r"(?-i:.+(State|Status|StatusType))"
)
# Where no tool's words are beside it, "early stopped" is Keras' callback: the run has converged, its score is final.
BY_HAND: Mapping[str, State] = {"earlystopped": FINISHED, "stoppedearly": FINISHED, "earlystopping": FINISHED}
AMBIGUOUS = frozenset(word for readings in (*READINGS.values(), BY_HAND) for word in readings) - {"true", "false"}
YES, NO = frozenset(("true", "1", "yes", "y", "1.0")), frozenset(("false", "0", "no", "n", "0.0"))
FLAGS = frozenset(
    ("finished", "completed", "done", "success", "succeeded", "successful", "ok", "failed", "failure", "crashed",
     "diverged", "killed", "errored", "oom", "outofmemory", "aborted", "canceled", "cancelled", "timeout", "timedout",
     "interrupted", "preempted")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class States:
    """The column, "" if none is found, and the meaning of each of its cells."""

    column: str = ""
    meanings: Mapping[str, State] = field(default_factory=dict)
    others: tuple[str, ...] = ()  # columns with the same meaning in other words

    def text(self) -> str:
        """ "status (COMPLETED = finished, Canceled = killed)"."""
        said = [_said(word.strip(), state) for word, state in self.meanings.items()]
        return f"{self.column} ({first_of(said, MOST_WORDS)})"


def find_states(runs: Runs, asked: ImportOptions, export: Export, *, score: str, taken: Collection[str] = ()) -> States:
    """The column stated by the user, else the source's or the tool's, else one whose name or words suggest states."""
    stated = _stated(asked.states)
    column = asked.state or runs.state or _of_tool(runs, export, asked)
    if column:
        columns = [column]
    else:
        others = {score, *taken, *asked.factors}
        candidates = [name for name in map(str, runs.table) if name not in others and _may_be(name, export)]
        columns = [name for name in candidates if _tells_states(runs.table[name], stated)]
    if not columns:
        if stated:
            rule = "no column says how runs ended"
            raise DataError(f"{runs.place}: --states: {rule}\n  choose one with --state COLUMN, or leave --states out")
        return States()
    read = [States(name, _meanings(runs, name, stated, export, asked, score=score)) for name in columns]
    if len(read) > 1 and not _agree(runs, read):
        both = f'"{printable(read[0].column)}" and "{printable(read[1].column)}"'
        raise DataError(f"{runs.place}: {both} disagree about the states of the runs\n  choose one with --state COLUMN")
    return States(read[0].column, read[0].meanings, tuple(columns[1:]))


def _said(word: str, state: State) -> str:
    return state if word.lower() == state else f"{printable(word, 30) or 'empty'} = {state}"


def letters(word: str) -> str:
    """A word by its letters: "TrialState.OUT-OF-MEMORY" -> outofmemory, "CANCELLED by 1000" -> cancelled."""
    bare = re.sub(r"^\w+\.(?=\w+$)| by \d+$", "", word.strip())
    return re.sub(r"[^a-z]", "", bare.lower())


def _stated(text: str) -> dict[str, State]:
    """ "word=finished,other=failed" as a dictionary, the words without capitals."""
    found: dict[str, State] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        word, equals, state = part.rpartition("=")
        if not equals or state.strip() not in STATES:
            got = f'got "{printable(part)}"'
            known = known_names(state.strip(), STATES)
            raise DataError(f'--states: must be "word=state,other=state", {got}\n  states are {known}')
        found[word.strip().lower()] = cast("State", state.strip())
    return found


def _of_tool(runs: Runs, export: Export, asked: ImportOptions) -> str:
    """The tool's own column of states, unless its words are all the same unknown word."""
    name = export.first("state")
    if not name or name in asked.factors:
        return ""
    return name if runs.table[name].nunique() <= MOST_STATES else ""


def _may_be(name: str, export: Export) -> bool:
    own = "_".join(words_of(export.name(name)))
    return export.kinds.get(name) not in ("factor", "result", "bookkeeping") and not is_seed(own)


def _tells_states(column: "pd.Series[str]", stated: Mapping[str, State]) -> bool:
    """By its name, unless it has too many words or a single unknown word; or if most of its words are known."""
    if column.nunique() > MOST_STATES:
        return False
    words = _words(column)
    if not words:
        return False
    if _flagged(str(column.name)) and {word.lower() for word in words} <= YES | NO:
        return len(words) > 1
    known = [word for word in words if letters(word) in (WORDS.keys() | AMBIGUOUS) or word.lower() in stated]
    if NAMED.fullmatch(str(column.name)):
        is_ambiguous = any(letters(word) in readings for word in words for readings in READINGS.values())
        return len(words) > 1 or bool(known) or is_ambiguous
    meanings = {stated.get(word.lower()) or WORDS.get(letters(word)) or BY_HAND.get(letters(word)) for word in known}
    return len(words) > 1 and len(known) > len(words) / 2 and FINISHED in meanings and len(meanings) > 1


def _words(column: "pd.Series[str]") -> list[str]:
    return [word for word in dict.fromkeys(str(word).strip() for word in column.unique()) if word]


def _meanings(
    runs: Runs, name: str, stated: Mapping[str, State], export: Export, asked: ImportOptions, *, score: str
) -> dict[str, State]:  # fmt: skip
    """The meaning of each cell of the column, including blank cells. Raises `DataError` listing unknown words."""
    column = runs.column(name)
    if column.nunique() > MOST_STATES:
        raise DataError(
            f'{runs.place}: "{printable(name)}" has {column.nunique():,} different words, too many for run states\n'
            "  choose another column with --state"
        )
    words = _words(column)
    flag = _flagged(name) if {word.lower() for word in words} <= YES | NO else None
    if wrong := [word for word in stated if word not in {w.lower() for w in words} | {""}]:
        known = known_names(wrong[0], words)
        raise DataError(f'{runs.place}: --states: no run has "{printable(wrong[0])}" in {printable(name)}\n  {known}')
    read = {
        word: stated.get(word.lower()) or _of_flag(word, flag) or _of_code(word, name) or _known(word, words, export)
        for word in words
    }
    has_blank = bool((column.str.strip() == "").any())
    if has_blank:
        missing: State = "failed" if asked.counts_missing else "killed"
        read[""] = stated.get("") or (None if _has_score(runs, column, score) else missing)
    if unknown := [word for word, state in read.items() if state is None]:
        raise _unknown(runs, name, unknown, known=[word for word, state in read.items() if state])
    return {str(cell): cast("State", read[str(cell).strip()]) for cell in column.unique()}


def _flagged(name: str) -> State | None:
    """The state after which a yes/no column is named, "crashed" or "is_finished"."""
    key = re.sub(r"^(is|has|was|did)(?=\w)", "", letters(name))
    return WORDS[key] if key in FLAGS else None


def _of_flag(word: str, flag: State | None) -> State | None:
    """The meaning of yes or no; a run that did not finish may have failed in any way."""
    if flag is None:
        return None
    if word.lower() in YES:
        return flag
    return None if flag == FINISHED else FINISHED


def _of_code(word: str, name: str) -> State | None:
    """An exit code of 0 is a success; any other may be anything."""
    is_code = "_".join(words_of(name)).endswith("code")
    return FINISHED if is_code and word in ("0", "0.0", "0:0") else None


def _known(word: str, words: Collection[str], export: Export) -> State | None:
    """The meaning of a word, by the table's tool or by the words if tools differ; None if unknown."""
    key = letters(word)
    if key in WORDS:
        return WORDS[key]
    keys = {letters(each) for each in words}
    makers = [tool.name.removesuffix("'s page") for tool in export.tools]
    of_tools = [READINGS[maker][key] for maker in makers if key in READINGS.get(maker, {})]
    of_words = [READINGS[maker][key] for maker, all_ in VOCABULARIES.items()
                if keys <= all_ and key in READINGS.get(maker, {})]  # fmt: skip
    readings = of_tools or of_words
    kinds = {"cut short" if state in CUT_SHORT else state for state in readings}
    return BY_HAND.get(key) if not readings else readings[0] if len(kinds) == 1 else None


def _has_score(runs: Runs, column: "pd.Series[str]", score: str) -> bool:
    numbers = to_scores(runs.table[score]) if score else None
    return numbers is not None and bool(numbers[column.str.strip() == ""].notna().any())


def _unknown(runs: Runs, name: str, unknown: list[str], *, known: list[str]) -> DataError:
    shown = first_of([f'"{printable(word, 40)}"' if word else "an empty cell" for word in unknown], MOST_WORDS)
    example = ",".join(f"{printable(word, 40)}=STATE" for word in unknown[:MOST_WORDS])
    also = f"; {', '.join(map(printable, known[:MOST_WORDS]))}: known" if known else ""
    return DataError(
        f'{runs.place}: how did the runs end where "{printable(name)}" is {shown}?\n'
        f'  answer with --states "{example}", with STATE one of {", ".join(STATES)}{also}\n'
        f"  if you varied {printable(name)} on purpose, list it in --factors"
    )


def _agree(runs: Runs, read: list[States]) -> bool:
    first, *others = (runs.table[states.column].map(dict(states.meanings)) for states in read)
    return all(bool((first == other).all()) for other in others)
