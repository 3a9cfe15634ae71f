"""Read what a script gives to `fit` and `compile`: examples, epochs, early stopping, the optimizer."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ablate.experiment.drafting.script import Script, root_of
from ablate.experiment.drafting.script_levels import layer_of
from ablate.study.catalog import OPTIMIZERS

EPOCHS, BATCH, SHARE = 10, 32, 0.2  # where the script names none: Keras' batch
READ = ("x", "y", "epochs", "batch_size", "validation_split", "validation_data", "callbacks", "verbose")
WEIGHTS = ("sample_weight", "class_weight")
NOT_MEANT = {  # callbacks that a study does without
    "ModelCheckpoint": 'the best epoch\'s weights count; [training] keep = "best" keeps the model',
    "TensorBoard": "MLflow has the curves",
    "CSVLogger": "epochs.csv has the curves",
    "ReduceLROnPlateau": 'schedule = "plateau" is a level of the factor schedule',
    "LearningRateScheduler": "the factor schedule has cosine, 1cycle and others",
}
OWN_CALLBACK = "a function callbacks(factors) beside build may return it"


@dataclass(frozen=True, slots=True)
class FitExamples:
    """The arrays that a script trains with, as its expressions."""

    x: ast.expr
    y: ast.expr
    validation: tuple[ast.expr, ast.expr] | None
    test: tuple[ast.expr, ast.expr] | None
    tested_at: int  # index of the statement that tests, before which its arrays are made
    is_reused: bool  # whether the script validates on what it tests on: then that is for testing alone


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a script trains."""

    epochs: int
    batch_size: int
    share: float  # for validation, if no examples are given for it
    patience: int | None  # of early stopping
    left_out: tuple[str, ...]


def examples_of(script: Script) -> FitExamples:
    """The arguments of `fit` and `evaluate`. Raises `StudyError` if they are no arrays."""
    given = _arguments(script.fit, ("x", "y", "batch_size", "epochs"))
    for name in ("x", "y"):
        if name not in given:
            raise script.error(script.fit, f"fit gets no {name}: a data set or generator cannot be split again")
    validation = _pair(given.get("validation_data"))
    if "validation_data" in given and validation is None:
        raise script.error(given["validation_data"], "validation_data is no pair (x, y) of arrays")
    test, at = _tested(script)
    is_reused = test is not None and validation is not None and ast.dump(test[0]) == ast.dump(validation[0])
    return FitExamples(given["x"], given["y"], None if is_reused else validation, test, at, is_reused)


def settings_of(script: Script) -> FitSettings:
    """Epochs, batch size and early stopping, and what is left out of the rest."""
    given = _arguments(script.fit, ("x", "y", "batch_size", "epochs"))
    left = [f"{name} of fit" for name in given if name not in (*READ, *WEIGHTS)]
    left += _settings_of_libraries(script)
    patience, callbacks = None, given.get("callbacks")
    for call in _callbacks(script, callbacks) if callbacks is not None else ():
        name = layer_of(call)
        if isinstance(call, ast.Call) and name == "EarlyStopping":
            patience = int(_number(script, _arguments(call, ("monitor", "min_delta", "patience")).get("patience"), 0))
        else:
            left.append(f"{name or 'a callback'}: {NOT_MEANT.get(name, OWN_CALLBACK)}")
    if given.keys() & set(WEIGHTS):
        left.append('weights: [data] weights = "balanced" weights by class, and load may return weights_train')
    return FitSettings(
        epochs=int(_number(script, given.get("epochs"), EPOCHS if "epochs" in given else 1)),
        batch_size=int(_number(script, given.get("batch_size"), BATCH)),
        share=float(_number(script, given.get("validation_split"), SHARE)),
        patience=patience,
        left_out=tuple(left),
    )


def _settings_of_libraries(script: Script) -> Iterator[str]:
    """Calls that change how a whole library works, such as its precision; seeds are the study's own."""
    for statement in script.statements[: script.at]:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method) as called)):
                if (
                    root_of(called) in script.modules
                    and method.startswith(("set_", "enable_"))
                    and "seed" not in method
                ):
                    line = script.lines[statement.lineno]
                    yield f"{ast.unparse(called)} in line {line}: [training] precision and backend have what may be set"


def optimizer_of(statements: list[ast.stmt]) -> tuple[str, float | None] | None:
    """The optimizer that `compile` names, and its learning rate; None if it is not known or has further settings."""
    for call in (node for statement in statements for node in ast.walk(statement)):
        match call:
            case ast.Call(func=ast.Attribute(attr="compile")):
                return _optimizer(_arguments(call, ("optimizer", "loss")).get("optimizer"))
    return None


def _optimizer(given: ast.expr | None) -> tuple[str, float | None] | None:
    match given:
        case None:
            return "rmsprop", None  # Keras' default
        case ast.Constant(value=str() as name) if name.lower() in OPTIMIZERS:
            return name.lower(), None
        case ast.Call(args=args, keywords=keywords) if (name := layer_of(given).lower()) in OPTIMIZERS:
            named = {keyword.arg: keyword.value for keyword in keywords}
            rate = named.pop("learning_rate", args[0] if args else None)
            if named or len(args) > 1 or not isinstance(rate, ast.Constant | None):
                return None
            return name, None if rate is None else float(str(rate.value))
    return None


def _arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return {**dict(zip(names, call.args, strict=False)), **named}


def _pair(node: ast.expr | None) -> tuple[ast.expr, ast.expr] | None:
    match node:
        case ast.Tuple(elts=[x, y]) | ast.List(elts=[x, y]):
            return x, y
    return None


def _tested(script: Script) -> tuple[tuple[ast.expr, ast.expr] | None, int]:
    """What `model.evaluate` gets after training, or else x_test and y_test if the script has them."""
    for at, statement in enumerate(script.statements[script.at + 1 :], script.at + 1):
        for node in ast.walk(statement):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="evaluate")) if name == script.model:
                    given = _arguments(node, ("x", "y"))
                    return ((given["x"], given["y"]) if len({"x", "y"} & given.keys()) == 2 else None), at
    bound = {name.id for one in script.statements[: script.at] for name in ast.walk(one) if isinstance(name, ast.Name)}
    for x, y in (("x_test", "y_test"), ("X_test", "y_test")):
        if {x, y} <= bound:
            return (ast.Name(x, ast.Load()), ast.Name(y, ast.Load())), script.at
    return None, script.at


def _callbacks(script: Script, given: ast.expr) -> Iterator[ast.expr]:
    """The calls that make callbacks, of a list or of names."""
    for one in given.elts if isinstance(given, ast.List | ast.Tuple) else [given]:
        made = _value_of(script, one.id) if isinstance(one, ast.Name) else one
        if isinstance(made, ast.List | ast.Tuple):
            yield from _callbacks(script, made)
        else:
            yield made or one


def _number(script: Script, node: ast.expr | None, otherwise: float) -> float:
    """A number, written there or in a constant of the script."""
    if isinstance(node, ast.Name):
        node = _value_of(script, node.id)
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
    return otherwise


def _value_of(script: Script, name: str) -> ast.expr | None:
    """What a name was assigned last before training."""
    values: Mapping[str, ast.expr] = {
        target.id: one.value
        for one in script.statements[: script.at]
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    return values.get(name)
