"""Draft a study from a script of Keras: functions `load` and `build` beside it, and what in the model may vary."""

import ast
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ablate.errors import StudyError
from ablate.experiment.drafting.draft import Code, Draft, DraftValue, Tables
from ablate.experiment.drafting.fit_call import FitExamples, FitSettings, examples_of, optimizer_of, settings_of
from ablate.experiment.drafting.from_data import COMMENTS, SEEDS, SHARE
from ablate.experiment.drafting.script import Script, bound_by, loaded_by, read_script
from ablate.experiment.drafting.script_levels import FoundFactor, ModelCode, still_read, vary_examples
from ablate.experiment.drafting.source_edits import SourceText
from ablate.text import listed

OTHER_OPTIMIZERS = ("adam", "nadam")
PATIENCE = 5  # where the script does not stop early
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def draft_of_script(path: Path, *, name: str, folder: Path) -> Draft:
    """A study file in `folder`/studies of a script, with a module beside the script; nothing of it is run.

    Raises `StudyError` if it does not make its model and its data apart, or trains in a way that a study does not.
    """
    script = read_script(path)
    examples, settings = examples_of(script), settings_of(script)
    parts = ScriptParts.of(script, examples)
    code = Code(path.with_name(f"{path.stem}_parts.py"), "\n".join(_module(script, examples, parts)))
    if code.path.exists():
        raise StudyError(f"{code.path} already exists\n  rename it: ablate writes load and build there")
    place = os.path.relpath(folder / code.path, folder / "studies").replace(os.sep, "/")
    optimizer = optimizer_of(list(parts.model.statements))
    tables = _tables(place, examples, settings, parts.model.factors, optimizer[0] if optimizer else "")
    comments = {**COMMENTS, ("data", "scaling"): "the script scales by itself"}
    if optimizer and optimizer[1] is not None:
        comments["baseline", "learning_rate"] = f"the script has {optimizer[1]:g}; found for each variant and seed"
    found = [
        f"{path}: fit of {script.model} in line {script.lines[script.fit.lineno]}",
        f"what varies: {listed(list(tables['space'])) or 'nothing yet: add factors to build and [space]'}",
    ]
    if examples.is_reused:
        found.append("the script validates on its test data: they are kept for testing")
    if parts.asked:
        found.append(f"build gets {listed(sorted(parts.asked))} of the training examples")
    title = f"What matters for the network of {path.name}?"
    return Draft(name, title, tables, comments, code, tuple(found), settings.left_out)


def _tables(
    place: str, examples: FitExamples, settings: FitSettings, factors: Mapping[str, FoundFactor], optimizer: str
) -> Tables:
    """The tables of the study file; `optimizer` is "" where the compiled model keeps its own."""
    levels = {name: [factor.baseline, *factor.others] for name, factor in factors.items()}
    if optimizer:
        levels["optimizer"] = [optimizer, next(name for name in OTHER_OPTIMIZERS if name != optimizer)]
    validation: DraftValue = "given" if examples.validation else settings.share
    return {
        "data": {
            "name": f"{place}:load",
            "scaling": "none",
            "validation": validation,
            **({} if examples.test else {"test": SHARE}),
        },
        "model": {"name": f"{place}:build"},
        "training": {
            "epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "patience": PATIENCE if settings.patience is None else settings.patience,
        },
        "baseline": {**{name: own[0] for name, own in levels.items()}, "learning_rate": "find"},
        "space": dict(levels),
        "search": {"trials": 0},
        "ablation": {"seeds": SEEDS},
    }


class ScriptParts:
    """The statements of a script by what they are for."""

    def __init__(self, shared: list[ast.stmt], data: list[ast.stmt], model: ModelCode, asked: set[str]) -> None:
        self.shared, self.data, self.model, self.asked = shared, data, model, asked

    @classmethod
    def of(cls, script: Script, examples: FitExamples) -> "ScriptParts":
        """Raises `StudyError` where the model needs the examples."""
        pairs = [one for pair in (examples.validation, examples.test) if pair for one in pair]
        names = {name for one in (examples.x, examples.y, *pairs) for name in loaded_by(one)} - {script.model}
        data = script.needed(names, before=max(script.at, examples.tested_at))
        made = script.needed([script.model], before=script.at)
        shared = [one for one in script.statements if _is_shared(one) and (one in data or one in made)]
        common = [name for one in shared for name in bound_by(one)]
        data = [one for one in data if one not in shared]
        model = [one for one in made if one not in shared and one not in data]
        if not model:
            raise script.error(script.fit, f"nothing before it makes {script.model}")
        code = ModelCode(model, [one.name for one in shared if isinstance(one, ast.FunctionDef)])
        asked = vary_examples(code, examples.x.id if isinstance(examples.x, ast.Name) else "")
        of_data = {name for one in data for name in bound_by(one)} - set(common)
        if (read := still_read(code, of_data)) is not None:
            raise script.error(read, f"the model depends on the examples: it reads {read.id}")
        return cls(shared, data, code, asked)


def _is_shared(statement: ast.stmt) -> bool:
    """Whether a statement may stand outside of functions: imports, definitions, constants."""
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    match statement:
        case (
            ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
        ):
            return not any(isinstance(node, ast.Call | ast.Name) for node in ast.walk(value))
    return False


def _module(script: Script, examples: FitExamples, parts: ScriptParts) -> Iterator[str]:
    """The module's lines."""
    source = SourceText(script.text)
    name = script.path.name
    yield f'"""Data and model of {name}, for a study: each trial calls build with a level of every factor."""\n'
    imports = [one for one in parts.shared if isinstance(one, ast.Import | ast.ImportFrom)]
    yield from (source.statement(one) for one in _ordered(imports))
    others = [one for one in parts.shared if one not in imports]
    for one in others:
        yield ("\n\n" if isinstance(one, DEFINITIONS) else "\n") + source.statement(one)
    yield "\n\ndef load():"
    yield from (_indented(source.statement(one)) for one in parts.data)
    yield _indented(f"return {{{', '.join(_arrays(examples))}}}")
    yield f"\n\ndef build({', '.join(['factors', *sorted(parts.asked)])}):"
    yield from (_indented(text) for text in parts.model.text(script.text))
    yield _indented(f"return {script.model}") + "\n"


def _ordered(imports: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Imports as in the script, but `from __future__` first."""
    return sorted(imports, key=lambda one: not (isinstance(one, ast.ImportFrom) and one.module == "__future__"))


def _arrays(examples: FitExamples) -> Iterator[str]:
    named = {"train": (examples.x, examples.y), "validation": examples.validation, "test": examples.test}
    for part, pair in named.items():
        if pair is not None:
            yield from (f'"{axis}_{part}": {ast.unparse(one)}' for axis, one in zip("xy", pair, strict=True))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.splitlines())
