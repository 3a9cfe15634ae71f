"""Check a study whose trials a user's own function or program trains: what it may say, and what has no meaning there.

The engine's settings do nothing where another code trains, so each of them is refused rather than ignored.
"""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping

from ablate.study.data_ref import is_function
from ablate.study.model_ref import ModelRef, TrialRole
from ablate.study.rate import RATE
from ablate.study.settings import Ablation, Data
from ablate.study.tree import Key, Layered, shown
from ablate.study.trial import Factors, Level
from ablate.study.validation import read_table

ROLES: tuple[TrialRole, ...] = ("train", "command")  # keys of [model] besides `name`
GIVEN = ("seed", "epochs", "test", "folder")  # placeholders of a command besides the factors
_ARGUMENTS = (*GIVEN, "factors", "report", "data")  # of a function
_VARIABLES = {  # of a program's environment
    **{name: f"the trial's {name}" for name in GIVEN},
    "factors": "all factors",
    "report": "the name of the report file",
    "trial": "the trial's name",
}
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
ENGINE_TABLES = ("schedule", "lr_test", "transfer", "inspect")
_TRAINING = ("epochs", "keep")  # the keys of [training] that a trial of its own has, or that have a rule of their own
_FOLDER = {"train": "the function's argument folder", "command": "the folder {folder}"}
_OF_DATA = {
    "target_scaling": "the function scales its targets itself",
    "weights": "the function weighs its examples itself",
}


def named_role(layered: Layered, table: Mapping[str, object]) -> TrialRole:
    """Which of its keys says what [model] is. Raises `StudyError` unless there is exactly one."""
    named = [key for key in ("name", *ROLES) if key in table]
    if len(named) > 1:
        rule = f"names {' and '.join(named)}, but a trial is one of them"
        hint = "keep name for a network that ablate trains, train for a function, or command for a program"
        raise layered.error(("model",), rule, hint=hint)
    return next((role for role in ROLES if role in named), "build")


def read_own_trial(layered: Layered, role: TrialRole, table: Mapping[str, object]) -> ModelRef:
    """What trains, from the table [model]. Raises `StudyError`."""
    key, named = ("model", role), table[role]
    options = {name: value for name, value in table.items() if name != role}
    if not isinstance(named, str) or not named.strip() or len(named) > 10_000:
        raise layered.error(key, f"must be text, got {shown(named)}")
    if role == "command":
        if options:
            raise layered.unknown(("model", *options), next(iter(options)), known=("command",), kind="key")
        return ModelRef(None, role=role, command=named)
    if not is_function(named):
        hint = 'write it as "my.py:train", with the file\'s path from the study file'
        raise layered.error(key, f"{shown(named)} names no function", hint=hint)
    file, _, function = named.rpartition(":")
    return ModelRef(None, file, function, _options(layered, options), role, given=layered.functions.get(named))


def check_own_trial(layered: Layered, model: ModelRef, *, data: Data, baseline: Factors, ablation: Ablation) -> None:
    """Refuse every setting of the engine in a study of whose trials it trains none. Raises `StudyError`."""
    if not model.trains_itself:
        return
    who = what_trains(model)
    for table in ENGINE_TABLES:
        if table in layered.tree:
            raise layered.error((table,), f"is for networks that ablate trains, but {who} trains", hint="remove it")
    for name in read_table(layered, ("training",)):
        if name not in _TRAINING:
            hint = f"remove it, or make it a factor: {name} = … in [baseline]"
            rule = f"is for networks that ablate trains, but {who} trains"
            raise layered.error(("training", name), rule, hint=hint)
    if read_table(layered, ("training",)).get("keep", "none") != "none":
        rule = f"keeps models of networks that ablate trains, but {who} trains"
        hint = f"remove it, and save the model in {_FOLDER[model.role]}, which is the trial's own"
        raise layered.error(("training", "keep"), rule, hint=hint)
    if "out_of_memory" in read_table(layered, ("retries",)):
        rule = f"retrains in smaller batches, but {who} makes its own batches"
        raise layered.error(("retries", "out_of_memory"), rule, hint="remove it")
    _check_data(layered, model, data)
    _check_rates(layered, baseline, ablation)
    if taken := [name for name in _ARGUMENTS if name in baseline]:
        rule = f"is the name of a value that ablate gives to {what_trains(model)}"
        raise layered.error(("baseline", taken[0]), rule, hint="rename the factor")
    if model.role == "command":
        _check_command(layered, model.command, baseline)


def with_modes(ablation: Ablation, layered: Layered, model: ModelRef) -> Ablation:
    """[ablation] with the learning rates carried over, unless it says otherwise: no range test finds any."""
    if not model.trains_itself or "learning_rate" in read_table(layered, ("ablation",)):
        return ablation
    return ablation.model_copy(update={"learning_rate": ("carry",)})


def what_trains(model: ModelRef) -> str:
    """The function or program, for messages."""
    return f"{model.name} itself" if model.role == "train" else "the program itself"


def filled(command: str, values: Mapping[str, Level]) -> list[str]:
    """The words of a command line, each placeholder replaced by its value; one word stays one, whatever is in it."""

    def value(found: re.Match[str]) -> str:
        return found[0][0] if found[0] in ("{{", "}}") else _as_text(values[found[1]])

    return [_PLACEHOLDER.sub(value, word) for word in shlex.split(command)]


def variable_of(name: str) -> str:
    """The environment variable that holds a value for a program: ABLATE_LEARNING_RATE."""
    return f"ABLATE_{re.sub('[^A-Z0-9]', '_', name.upper())}"


def _as_text(value: Level) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def placeholders(command: str) -> Iterator[str]:
    """The names in a command line's placeholders, and "" for a brace that is none."""
    for found in _PLACEHOLDER.finditer(command):
        if found[0] not in ("{{", "}}"):
            yield found[1] or ""


def _options(layered: Layered, options: Mapping[str, object]) -> dict[str, Level]:
    for name, value in options.items():
        if not name.isidentifier():
            raise layered.error(("model", name), "must be a valid name for an argument of the function")
        if not isinstance(value, str | int | float):
            raise layered.error(("model", name), f"must be text, a number, true or false, got {shown(value)}")
    return {name: value for name, value in options.items() if isinstance(value, str | int | float)}


def _check_data(layered: Layered, model: ModelRef, data: Data) -> None:
    if "data" in layered.tree and model.role == "command":
        rule = "is read by networks and functions of this process, but the program reads its own data"
        raise layered.error(("data",), rule, hint="remove it; hand the program a path in its command line")
    for name, why in _OF_DATA.items():
        if name in data.model_fields_set:
            raise layered.error(("data", name), f"has no effect: {why}", hint="remove it")


def _check_rates(layered: Layered, baseline: Factors, ablation: Ablation) -> None:
    key = ("ablation", "learning_rate")
    if "find" in ablation.learning_rate:
        hint = 'write "tune", which tries five rates around the baseline\'s for each variant, or "carry"'
        raise layered.error(key, '"find" needs a range test, which only networks trained by ablate have', hint=hint)
    if "tune" in ablation.learning_rate and RATE not in baseline:
        hint = "name the factor learning_rate, with its usual value in [baseline]"
        raise layered.error(key, '"tune" needs a factor learning_rate in [baseline]', hint=hint)


def _check_command(layered: Layered, command: str, baseline: Factors) -> None:
    key, known = ("model", "command"), (*baseline, *GIVEN)
    try:
        words = shlex.split(command)
    except ValueError as err:
        raise layered.error(key, f"cannot be split into words: {err}", hint="close its quotes") from err
    if not words:
        raise layered.error(key, "has no words")
    for name in placeholders(command):
        if name not in known:
            rule = f"{{{name}}} is no factor" if name else "has a brace that belongs to no {placeholder}"
            raise layered.error(key, rule, hint=f"known: {_listed(known)}; a brace itself is written {{{{ or }}}}")
    _check_variables(layered, baseline)
    _check_words(layered, key, words)


def _check_variables(layered: Layered, baseline: Factors) -> None:
    """Refuse two values in one environment variable."""
    taken = {variable_of(name): what for name, what in _VARIABLES.items()}
    for name in baseline:
        if (variable := variable_of(name)) in taken:
            rule = f"would be the program's variable {variable}, which holds {taken[variable]}"
            raise layered.error(("baseline", name), rule, hint="rename the factor")
        taken[variable] = f"the factor {name}"


def _check_words(layered: Layered, key: Key, words: Collection[str]) -> None:
    """Refuse what only a shell would do."""
    for word in words:
        if word in ("|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"):
            hint = "there is no shell: call a script, or write command = \"sh -c '…'\""
            raise layered.error(key, f"{shown(word)} would be passed to the program as a word", hint=hint)


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)
