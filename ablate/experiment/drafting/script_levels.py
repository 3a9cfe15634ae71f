"""Find what may vary in the code of a model: dropout, activations, layers to leave out, arguments of functions."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ablate.experiment.drafting.script import bound_by
from ablate.experiment.drafting.source_edits import SourceText
from ablate.study.catalog import ACTIVATIONS
from ablate.study.trial import Level

DROPOUTS = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout")
LAYERS = {  # that may be left out, and the factor that does it
    "BatchNormalization": "batch_norm", "LayerNormalization": "layer_norm", "GroupNormalization": "group_norm",
    "UnitNormalization": "unit_norm", "RandomFlip": "augmentation", "RandomRotation": "augmentation",
    "RandomZoom": "augmentation", "RandomTranslation": "augmentation", "RandomContrast": "augmentation",
    "RandomBrightness": "augmentation", "RandomCrop": "augmentation", "GaussianNoise": "noise",
}  # fmt: skip
ROWS = ("LSTM", "GRU", "SimpleRNN", "RNN", "Conv1D", "Reshape", "MultiHeadAttention")  # layers that need two axes
OF_OUTPUTS = ("softmax", "sigmoid", "linear")  # activations that say what an output is
INSTEAD = {"relu": "elu"}  # of an activation; relu instead of all others
Edit = Callable[[SourceText], str]


@dataclass(frozen=True, slots=True)
class FoundFactor:
    """A factor of a model: its level in the script, and the others."""

    baseline: Level
    others: tuple[Level, ...]


@dataclass(slots=True)
class ModelCode:
    """The statements that make a model, and what is written for their nodes so that factors vary them."""

    statements: Sequence[ast.stmt]
    functions: Sequence[str] = ()  # the script's own
    factors: dict[str, FoundFactor] = field(default_factory=dict)
    edits: dict[int, Edit] = field(default_factory=dict)  # by the node's id

    def __post_init__(self) -> None:
        nodes = [node for statement in self.statements for node in ast.walk(statement)]
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        self._vary_dropout([rate for call in calls if (rate := dropout_rate(call)) is not None])
        self._vary_activation([name for call in calls if (name := hidden_activation(call)) is not None])
        for node in nodes:
            self._vary_layers(node)
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id in self.functions:
                self._vary_arguments(call)

    def text(self, source: str) -> list[str]:
        """The statements as written, with the edits."""
        text = SourceText(source, lambda node: self.edits[id(node)](text) if id(node) in self.edits else None)
        return [text.statement(statement) for statement in self.statements]

    def _vary_dropout(self, rates: Sequence[ast.Constant]) -> None:
        values = {rate.value for rate in rates}
        if len(values) == 1:
            self.factors["dropout"] = FoundFactor(float(str(values.pop())), (0.0,))
            self.edits |= {id(rate): _read("dropout") for rate in rates}
        elif values:
            self.factors["dropout"] = FoundFactor(True, (False,))
            self.edits |= {id(rate): _switched(rate.value, "dropout") for rate in rates}

    def _vary_activation(self, names: Sequence[ast.Constant]) -> None:
        values = {str(name.value) for name in names}
        if len(values) == 1:
            value = values.pop()
            self.factors["activation"] = FoundFactor(value, (INSTEAD.get(value, "relu"),))
            self.edits |= {id(name): _read("activation") for name in names}

    def _vary_layers(self, node: ast.AST) -> None:
        """Layers in a list, in `model.add(…)` and in `layer(…)(x)` that may be left out."""
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add"), args=[layer])) if _may_go(layer):
                self._leave_out(node, layer, lambda text, asked: f"if {asked}:\n    {text.inside(node)}")
            case ast.Call(func=ast.Call() as layer, args=[ast.Name() as given], keywords=[]) if _may_go(layer):
                self._leave_out(
                    node, layer, lambda text, asked: f"{text.inside(node)} if {asked} else {text.of(given)}"
                )
            case ast.Call(func=ast.Call() as layer, args=[_], keywords=[]) if _may_go(layer):
                self._leave_out(
                    layer, layer, lambda text, asked: f"({text.inside(layer)} if {asked} else (lambda x: x))"
                )
            case ast.List(elts=elements):
                for layer in elements:
                    if _may_go(layer):
                        self._leave_out(layer, layer, _in_list(layer))

    def _leave_out(self, node: ast.AST, layer: ast.AST, written: Callable[[SourceText, str], str]) -> None:
        name = LAYERS[layer_of(layer)]
        self.factors.setdefault(name, FoundFactor(True, (False,)))
        self.edits[id(node)] = lambda text: written(text, f'factors["{name}"]')

    def _vary_arguments(self, call: ast.Call) -> None:
        """Of a call of the script's own function that makes a model: keywords with a number, a name, true or false."""
        for keyword in call.keywords:
            name, value = keyword.arg, keyword.value
            others = other_levels(name, value.value) if name and isinstance(value, ast.Constant) else ()
            if name and others and name not in self.factors:
                self.factors[name] = FoundFactor(value.value, others)  # type: ignore[attr-defined]  # a constant
                self.edits[id(value)] = _read(name)


def vary_examples(code: ModelCode, examples: str) -> set[str]:
    """Let the model take the examples' shape, and what it adapts layers on, from its arguments, which are returned."""
    asked = set[str]()
    for node in (node for statement in code.statements for node in ast.walk(statement)):
        match node:
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=index):
                if name == examples and (moved := _one_less(index)):
                    code.edits[id(node)] = _always(f"input_shape{moved}" if moved != "[0:]" else "input_shape")
                    asked.add("input_shape")
            case ast.Call(func=ast.Attribute(attr="adapt"), args=[ast.Name(id=name) as given]) if name == examples:
                code.edits[id(given)] = _always("data.train")
                asked.add("data")
    return asked | _take_shape(code)


def _take_shape(code: ModelCode) -> set[str]:
    """Let a model that flattens examples of two axes take their shape, too: ablate gives them a third, of channels."""
    nodes = [node for statement in code.statements for node in ast.walk(statement)]
    layers = {layer_of(node) for node in nodes}
    if "Flatten" not in layers or layers & set(ROWS):
        return set()
    shapes = [shape for node in nodes if isinstance(node, ast.Call) for shape in _shapes_in(node)]
    code.edits |= {id(shape): _always("input_shape") for shape in shapes}
    return {"input_shape"} if shapes else set()


def _shapes_in(call: ast.Call) -> Iterator[ast.expr]:
    """The shape of two axes that a layer is given for the examples, if it is written as numbers."""
    given = [keyword.value for keyword in call.keywords if keyword.arg in ("shape", "input_shape")]
    given += call.args[:1] if layer_of(call) == "Input" else []
    for shape in given:
        match shape:
            case (
                ast.Tuple(elts=[ast.Constant(value=int()), ast.Constant(value=int())])
                | ast.List(elts=[ast.Constant(value=int()), ast.Constant(value=int())])
            ):
                yield shape


def still_read(code: ModelCode, names: set[str]) -> ast.Name | None:
    """Where the model's code reads one of `names` in spite of the edits; None if nowhere."""

    def found(node: ast.AST) -> Iterator[ast.Name]:
        if id(node) in code.edits and not isinstance(node, ast.Call | ast.Expr):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            yield node
        for child in ast.iter_child_nodes(node):
            yield from found(child)

    own = {name for statement in code.statements for name in bound_by(statement)}
    names = names - own
    return next((name for statement in code.statements for name in found(statement)), None)


def layer_of(node: ast.AST) -> str:
    """The class that a call makes a layer of: "Dropout" for `keras.layers.Dropout(0.2)`; "" for another node."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name
    return ""


def _may_go(node: ast.AST) -> bool:
    return layer_of(node) in LAYERS


def dropout_rate(call: ast.Call) -> ast.Constant | None:
    """The rate of a dropout layer, if it is written as a number above 0."""
    if layer_of(call) not in DROPOUTS:
        return None
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "rate")]
    match given:
        case [ast.Constant(value=int() | float() as rate) as found] if rate > 0:
            return found
    return None


def hidden_activation(call: ast.Call) -> ast.Constant | None:
    """The activation of a layer, if it is written as a name that is not an output's."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "activation"]
    given += call.args[:1] if layer_of(call) == "Activation" else []
    match given:
        case [ast.Constant(value=str() as name) as found] if name in ACTIVATIONS and name not in OF_OUTPUTS:
            return found
    return None


def other_levels(name: str, value: object) -> tuple[Level, ...]:
    """What an argument of the user's own function may be besides what it is; nothing for what cannot be guessed."""
    match value:
        case bool():
            return (not value,)
        case float() if "drop" in name and value > 0:
            return (0.0,)
        case int() if value >= 2:
            return (value // 2,)
        case str() if value in ACTIVATIONS and value not in OF_OUTPUTS:
            return (INSTEAD.get(value, "relu"),)
    return ()


def _read(name: str) -> Edit:
    return _always(f'factors["{name}"]')


def _switched(value: object, name: str) -> Edit:
    return _always(f'{value!r} if factors["{name}"] else 0.0')


def _always(text: str) -> Edit:
    return lambda _: text


def _in_list(layer: ast.AST) -> Callable[[SourceText, str], str]:
    return lambda text, asked: f"*([{text.inside(layer)}] if {asked} else [])"


def _one_less(index: ast.expr) -> str:
    """An index or slice of a shape without the number of examples: "[0]" for `[1]`; "" where it counts examples."""
    match index:
        case ast.Constant(value=int() as at) if at >= 1:
            return f"[{at - 1}]"
        case ast.Constant(value=int()) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
            return f"[{ast.unparse(index)}]" if isinstance(index, ast.UnaryOp) else ""
        case ast.Slice(lower=ast.Constant(value=int() as low), upper=None, step=None) if low >= 1:
            return f"[{low - 1}:]"
        case ast.Slice(lower=ast.Constant(value=int() as low), upper=ast.Constant(value=int() as high), step=None) if (
            low >= 1
        ):
            return f"[{low - 1}:{high - 1}]"
    return ""
