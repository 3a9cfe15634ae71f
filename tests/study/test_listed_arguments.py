from functools import partial, wraps

import pytest

from ablate.errors import StudyError
from ablate.study.listed_arguments import Arguments, listed_arguments

OFFERED = {"factors": "F", "data": "D", "seed": 5, "input_shape": (4,), "n_classes": 3}
ORDER = ("factors", "input_shape", "n_classes")


def called(function, **options):
    arguments = listed_arguments(function, OFFERED, options, what="my.py:build", table="model", in_order=ORDER)
    return function(*arguments.positional, **arguments.named)


def with_own_names(f, s, n, width=1):
    return f, s, n, width


def as_listed(factors, input_shape, n_classes, depth=2):
    return factors, input_shape, n_classes, depth


def wrapped(function):
    """A wrapper that has names of its own for the first parameters."""

    @wraps(function)
    def inner(f, s, n, **options):
        return function(f, s, n, **options)

    return inner


def bare(function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


class Net:
    def __new__(cls, f, shape, classes):
        return f, shape, classes


class Listing:
    def __init__(self, data, factors):
        self.given = data, factors

    def __eq__(self, other):
        return self.given == other

    __hash__ = None


class Callable:
    def __call__(self, factors, seed):
        return factors, seed


@pytest.mark.parametrize(
    ("function", "options", "result"),
    [
        # As before: by position, whatever the names
        (as_listed, {}, ("F", (4,), 3, 2)),
        (as_listed, {"depth": 7}, ("F", (4,), 3, 7)),
        (with_own_names, {"width": 9}, ("F", (4,), 3, 9)),
        (lambda f, s, n: (f, s, n), {}, ("F", (4,), 3)),
        (lambda f, s, n, /: (f, s, n), {}, ("F", (4,), 3)),
        (lambda f, s, n=10: (f, s, n), {}, ("F", (4,), 3)),
        (lambda factors, input_shape, classes=10: (factors, input_shape, classes), {}, ("F", (4,), 3)),
        (lambda factors, input_shape, k=10, seed=0: (factors, input_shape, k, seed), {}, ("F", (4,), 3, 5)),
        (lambda f=0, s=0, n=0: (f, s, n), {}, ("F", (4,), 3)),
        (lambda *given: given, {}, ("F", (4,), 3)),
        (lambda factors, *rest: (factors, rest), {}, ("F", ((4,), 3))),
        (lambda *given, **more: (given, more), {"a": 1}, (("F", (4,), 3), {"a": 1})),
        (lambda f, s, n, *, depth: (f, s, n, depth), {"depth": 4}, ("F", (4,), 3, 4)),
        (lambda f, s, n, *, seed: (f, s, n, seed), {}, ("F", (4,), 3, 5)),
        (lambda config, data, n: (config, data, n), {}, ("F", (4,), 3)),
        (partial(with_own_names, width=8), {}, ("F", (4,), 3, 8)),
        (partial(with_own_names, width=8), {"width": 9}, ("F", (4,), 3, 9)),
        (wrapped(as_listed), {"depth": 7}, ("F", (4,), 3, 7)),
        (bare(as_listed), {"depth": 7}, ("F", (4,), 3, 7)),
        (Net, {}, ("F", (4,), 3)),
        (with_own_names, {}, ("F", (4,), 3, 1)),
        # By name
        (lambda factors, data: (factors, data), {}, ("F", "D")),
        (lambda data, factors, /: (data, factors), {}, ("D", "F")),
        (lambda n_classes, factors, input_shape: (n_classes, factors, input_shape), {}, (3, "F", (4,))),
        (lambda factors, data, seed, depth: (factors, data, seed, depth), {"depth": 4}, ("F", "D", 5, 4)),
        (lambda factors, depth, width: (factors, depth, width), {"depth": 4, "width": 2}, ("F", 4, 2)),
        (lambda factors, data, width=64: (factors, data, width), {}, ("F", "D", 64)),
        (lambda factors, input_shape, k=64, *, seed: (factors, input_shape, k, seed), {}, ("F", (4,), 64, 5)),
        (lambda factors, data, *rest: (factors, data, rest), {}, ("F", "D", ())),
        (lambda *, factors, data=None: (factors, data), {}, ("F", "D")),
        (lambda factors, data, **more: (factors, data, more), {"a": 1}, ("F", "D", {"a": 1})),
        (lambda depth, factors: (depth, factors), {"depth": 4}, (4, "F")),
        (lambda: "nothing", {}, "nothing"),
        (Listing, {}, ("D", "F")),
        (Callable(), {}, ("F", 5)),
        (lambda factors, seed: (factors, seed), {"seed": 77}, ("F", 77)),  # the study file's own value
    ],
)
def test_a_function_gets_what_it_lists_and_one_with_own_names_its_values_by_position(function, options, result):
    assert called(function, **options) == result


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (
            lambda factors, shape: 0,  # noqa: ARG005  # listed, not used
            {},
            r"model.name: my.py:build lists shape, but ablate has no value of that name\n"
            r'  known: data, factors, input_shape, n_classes, seed +did you mean "input_shape"\?\n'
            r"  for a value of your own, write shape = … in \[model\]",
        ),
        (lambda factors, data, depht: 0, {"depth": 3}, r'model.depth: .* no argument depth\n  known: .*mean "depht"'),  # noqa: ARG005
        (lambda factors, data, *, sede: 0, {}, r'lists sede, .*\n.*did you mean "seed"'),  # noqa: ARG005
        (with_own_names, {"widht": 3}, r'model.widht: my.py:build takes no argument widht\n  known: .*mean "width"'),
        (lambda f, s, n: 0, {"a": 3}, r"model.a: my.py:build takes no argument a\n  known: f, n, s"),  # noqa: ARG005
        (lambda f, s, n, depth: 0, {}, r"lists depth, but .*\n.*\n  .* write depth = … in \[model\]"),  # noqa: ARG005
    ],
)
def test_a_name_that_nobody_knows_is_answered_with_the_known_ones(function, options, message):
    with pytest.raises(StudyError, match=message):
        called(function, **options)


def test_a_function_without_a_signature_gets_its_values_by_position():
    assert listed_arguments(dict.fromkeys, {"a": 1}, {}, what="f", table="model", in_order=("a",)) == Arguments(
        (1,), {}
    )
    assert called(max, key=str) == "F"
