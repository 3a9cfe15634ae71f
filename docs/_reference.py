"""Write the pages of the reference that are made of the code: settings, factors and commands, with their rules."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import griffe
import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ablate.cli.main import app
from ablate.study import settings
from ablate.study.catalog import ENGINE, MODELS, Factor, LayerSizes, LevelRule, Names, Numbers

TABLES: Mapping[str, type[BaseModel]] = {
    "data": settings.Data,
    "model": settings.ModelTable,
    "training": settings.Training,
    "metric": settings.MetricTable,
    "search": settings.Search,
    "ablation": settings.Ablation,
    "lr_test": settings.LrTest,
    "schedule": settings.Schedule,
    "transfer": settings.Transfer,
    "inspect": settings.Inspect,
    "limits": settings.Limits,
    "retries": settings.Retries,
}
EXIT_CODES = """
## Exit codes

| code | means |
|---|---|
| 0 | done |
| 1 | ran, but could not finish, or no trial finished; `verify`, `doctor`, `export`: something is not as it should be |
| 2 | wrong usage, or a study file that is refused; nothing was trained |
| 130 | interrupted; the same command resumes |
"""


def study_file_page() -> str:
    """Every table of the study file: key, what it may be, default, meaning."""
    code = griffe.load("ablate.study.settings", allow_inspection=False)
    lines = ["# The study file", "", settings_intro(), ""]
    for name, table in TABLES.items():
        members = code[table.__name__].members
        lines += [f"## [{name}]", "", "| key | may be | default | meaning |", "|---|---|---|---|"]
        lines += [row(key, field, members[key]) for key, field in table.model_fields.items() if key != "options"]
        lines += [""]
    return "\n".join(lines)


def settings_intro() -> str:
    """What stands above the tables."""
    return (
        "A study is one TOML file. Unknown keys and impossible combinations are errors that name "
        "the key, the rule and the way out. `ablate show NAME` prints a study with every default filled in, "
        "and `--set TABLE.KEY=VALUE` changes a setting for one run.\n\n"
        "Besides the tables below: `title`, `seed` (default 0), `[baseline]` with a level for every factor, `[space]` "
        "with the levels that vary, `[recipes.NAME]` with levels that are set together. [Factors](factors.md) lists "
        "what these may name. A dimension of `[space]` is a list of levels, "
        "`{ levels = […], ablate = […], when = {…} }`, `{ low = …, high = …, log = true, ablate = […] }`, or for the "
        'learning rate `{ around = "find", span = [0.1, 3.0] }`.'
    )


def row(key: str, field: Any, member: Any) -> str:  # Any: of pydantic and griffe
    """A setting as a row of a table."""
    meaning = inspect.cleandoc(member.docstring.value).replace("\n", " ") if member.docstring else ""
    allowed = " or ".join(dict.fromkeys(allowed_values(field.annotation, field.metadata)))
    return f"| `{key}` | {cell(allowed)} | {cell(default_of(field))} | {cell(meaning)} |"


def default_of(field: Any) -> str:  # Any: pydantic's FieldInfo
    """A default as the file would have it; "required" without one."""
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default is None or field.default in ("", {}) else f"`{as_toml(field.default)}`"


def as_toml(value: object) -> str:
    """A level or a list of levels as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return (
            as_toml(value[0])
            if len(value) == 1 and isinstance(value[0], str)
            else f"[{', '.join(map(as_toml, value))}]"
        )
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def allowed_values(annotation: Any, metadata: Any = ()) -> Iterator[str]:  # Any: types and their limits
    """What an annotated type lets through, in words."""
    from types import UnionType
    from typing import Annotated, Literal, Union, get_args, get_origin

    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return
    if origin in (Union, UnionType):
        for argument in arguments:
            yield from allowed_values(argument, metadata)
    elif origin is Annotated:
        yield from allowed_values(arguments[0], (*limits_in(arguments[1:]), *metadata))
    elif origin is Literal:
        yield ", ".join(f"`{as_toml(value)}`" for value in arguments)
    elif origin is tuple:
        yield f"a list of {' or '.join(allowed_values(arguments[0]))}"
    elif origin is not None:
        yield "a table"
    else:
        yield plain_type(annotation, metadata)


def limits_in(arguments: Any) -> Iterator[Any]:  # Any: what Annotated holds
    """The limits among what stands beside an annotated type."""
    for argument in arguments:
        yield from getattr(argument, "metadata", ()) or ()


def plain_type(kind: Any, metadata: Any) -> str:  # Any: a type, and its limits
    """A type without arguments, with its range."""
    if kind not in (int, float):
        return {bool: "`true` or `false`", str: "text"}.get(kind, "text")
    bounds = {
        name: getattr(limit, name) for limit in metadata for name in ("ge", "gt", "le", "lt") if hasattr(limit, name)
    }
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    said = " ".join(f"{words[name]} {value:g}" for name, value in bounds.items())
    return f"a {'whole ' if kind is int else ''}number {said}".strip()


def factors_page() -> str:
    """Every factor of the engine and of each model."""
    lines = ["# Factors", "", FACTORS_INTRO, "", "## Of every network, yours too", "", *factor_table(ENGINE)]
    lines += ["", "Optimizers: " + names_of(ENGINE["optimizer"]) + ".", ""]
    for name, model in MODELS.items():
        lines += [f"## Of `{name}`", "", *factor_table({**model.factors, **model.options}), ""]
    return "\n".join(lines)


FACTORS_INTRO = (
    "A factor has a level in `[baseline]` and may vary in `[space]`. `learning_rate` is one wherever ablate trains: a "
    'number, `"find"` (a range test), or `"find*0.3"`. A network of your own (`"my_models.py:build"`) has whatever '
    "factors your function understands, and those of the first table; a function or program that trains by itself has "
    "its own alone. Options of `[model]` may be factors, too."
)


def factor_table(factors: Mapping[str, Factor]) -> list[str]:
    """Rows of factors: name, levels, default, meaning."""
    rows = [
        f"| `{name}` | {cell(rule_of(factor.rule))} | {cell(factor_default(factor))} | {cell(factor.meaning)} |"
        for name, factor in factors.items()
    ]
    return ["| factor | levels | default | meaning |", "|---|---|---|---|", *rows]


def factor_default(factor: Factor) -> str:
    if factor.required:
        return "required"
    return "" if factor.default in (None, "") else f"`{as_toml(factor.default)}`"


def rule_of(rule: LevelRule) -> str:
    """What a level may be."""
    match rule:
        case Names(known, scaled):
            return ", ".join(f"`{name}`" for name in known) + (', or `"NAME*2.5"`: scaled' if scaled else "")
        case Numbers():
            return rule.said()
        case LayerSizes():
            return 'units of each layer, as `"300-100"`'


def names_of(factor: Factor) -> str:
    return rule_of(factor.rule)


def command_line_page() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    lines = [
        "# The command line",
        "",
        f"{group.help}",
        "",
        "`ablate COMMAND --help` says the same in the terminal.",
        "",
    ]
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # a group has them
        lines += [f"## ablate {name}", "", command.help or "", "", f"```text\n{usage(name, command)}\n```", ""]
        lines += ["| option | does | default |", "|---|---|---|", *map(option_row, command.params), ""]
    return "\n".join(lines) + EXIT_CODES


def usage(name: str, command: Any) -> str:  # Any: typer's command
    """The line that shows how a command is called."""
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    words = [str(one.metavar or one.name.upper()) for one in arguments]
    return " ".join(["ablate", name, *words, "[OPTIONS]"])


def option_row(parameter: Any) -> str:  # Any: typer's option or argument
    """An option or argument as a row."""
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar or parameter.name.upper()}` | {cell(parameter.help or '')} | required |"
    flag = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    value = "" if parameter.is_flag else f" `{value_of(parameter)}`"
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    shown = "" if default in (None, "", False, (), []) or callable(default) else f"`{default}`"
    return f"| {flag}{cell(value)} | {cell(parameter.help or '')} | {shown} |"


def value_of(parameter: Any) -> str:  # Any: typer's option
    """The word for an option's value."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", str)
    return parameter.metavar or {Path: "PATH", int: "N", float: "X"}.get(kind, "TEXT")


def cell(text: str) -> str:
    """A text that stays within its cell."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def studies_page() -> str:
    """The page of the bundled studies, with links that lead from here."""
    return (STUDIES / "README.md").read_text(encoding="utf-8")


STUDIES = Path(__file__).parents[1] / "studies"
PAGES = {
    "reference/study-file.md": study_file_page,
    "reference/factors.md": factors_page,
    "reference/command-line.md": command_line_page,
    "studies.md": studies_page,
}


if __name__ == "<run_path>":  # as mkdocs-gen-files runs it
    import mkdocs_gen_files

    for page, make in PAGES.items():
        with mkdocs_gen_files.open(page, "w") as file:
            file.write(make())
    for picture in sorted((STUDIES / "pictures").iterdir()):
        with mkdocs_gen_files.open(f"pictures/{picture.name}", "wb") as file:
            file.write(picture.read_bytes())
