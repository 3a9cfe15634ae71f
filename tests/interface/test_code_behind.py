"""The digest of a function in memory changes with what it does, and with nothing else."""

import functools
import pickle
import sys

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.interface.code_behind import CodeBehind, is_users_module
from ablate.interface.functions import give, in_a_file

WIDTH = 16
PLAIN = """
def helper(x):
    return x + 1

class Block:
    rate = 0.1
    def call(self, x):
        return helper(x)

def build(factors, input_shape, n_classes=3):
    return Block().call(WIDTH), [value for value in factors]
"""


def made(code=PLAIN, name="build", **values):
    scope = {"__name__": "__main__", "WIDTH": WIDTH, **values}
    exec(compile(code, "<cell>", "exec"), scope)
    return scope[name]


def digest(*functions):
    return CodeBehind.of(*functions).digest


def test_the_digest_is_that_of_what_a_function_does():
    said = PLAIN.replace("def helper(x):", 'def helper(x):\n    "Add one."\n    # one')
    assert digest(made()) == digest(made()) == digest(made(said)) == digest(made("\n\n" + PLAIN))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x + 2"),  # of a function that is referred to by a class
        ("rate = 0.1", "rate = 0.2"),
        ("n_classes=3", "n_classes=4"),
        ("for value in factors", "for value in factors if value"),
        ("Block().call(WIDTH)", "Block().call(1)"),
    ],
)
def test_each_part_of_what_it_does_is_in_the_digest(old, new):
    assert old in PLAIN
    assert digest(made(PLAIN.replace(old, new))) != digest(made())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (16, 17),
        ("a", "b"),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        (np.zeros(3), np.ones(3)),
        (np.zeros(3), np.zeros(3, np.float32)),
        (functools.partial(round, ndigits=1), functools.partial(round, ndigits=2)),
    ],
)
def test_values_that_a_function_refers_to_are_in_the_digest(one, other):
    assert digest(made(WIDTH=one)) != digest(made(WIDTH=other))
    assert CodeBehind.of(made(WIDTH=one)).opaque == ()


def test_values_that_it_does_not_refer_to_are_not():
    assert digest(made(OTHER=1)) == digest(made(OTHER=2))


def test_a_value_of_a_closure_is_in_the_digest():
    def factory(rate):
        return lambda x: x * rate

    assert digest(factory(1)) == digest(factory(1)) != digest(factory(2))


def test_a_set_has_the_same_digest_in_every_order():
    assert digest(made(WIDTH={"a", "b", "c"})) == digest(made(WIDTH={"c", "b", "a"}))


def test_what_refers_to_itself_ends():
    assert digest(made("def build(n):\n    return build(n - 1)")) == digest(
        made("def build(n):\n    return build(n - 1)")
    )


def test_objects_of_libraries_are_opaque_and_those_of_the_user_are_looked_into():
    code = "class Held:\n    pass\nheld = Held()\nheld.rate = RATE\ndef build():\n    return held"
    assert digest(made(code, RATE=1)) != digest(made(code, RATE=2))
    assert CodeBehind.of(made(code, RATE=1)).opaque == ()
    import random

    assert CodeBehind.of(made(WIDTH=random.Random(0))).opaque == ("WIDTH",)


def test_libraries_that_code_uses_are_known_however_it_imports_them():
    code = "import json\nfrom scipy import stats\ndef build():\n    import sklearn\n    return json, stats, np.square"
    found = CodeBehind.of(made(code, np=np))
    assert {"json", "scipy", "sklearn", "numpy"} <= found.imported
    assert "ablate" not in found.imported


def test_names_that_tell_of_compiling_are_found():
    code = "def build(model):\n    model.compile()\n    getattr(model, 'compute_loss')"
    assert {"compile", "compute_loss"} <= CodeBehind.of(made(code)).names


def test_modules_of_the_user_are_digested_with_their_files(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def of(text):
        (tmp_path / "my_blocks.py").write_text(text)
        sys.modules.pop("my_blocks", None)
        import my_blocks

        assert is_users_module("my_blocks")
        return CodeBehind.of(made("def build():\n    return my_blocks.block()", my_blocks=my_blocks))

    one, other = of("import scipy\ndef block():\n    return 1"), of("import scipy\ndef block():\n    return 2")
    assert one.digest != other.digest
    assert "scipy" in one.imported
    assert of("import scipy\n# said\ndef block():\n    return 1").digest == one.digest


def test_installed_modules_and_this_package_are_none_of_the_users():
    assert not any(map(is_users_module, ("json", "numpy", "ablate.study", "builtins")))


def test_a_function_is_unpickled_where_it_cannot_be_imported():
    taken = {}
    given = give(made(), place="model", taken=taken)
    assert given.name == f"{given.name.rpartition(':')[0]}:build"
    sent = pickle.loads(pickle.dumps(given))
    assert sent.call is None
    assert sent == given
    loaded = sent.loaded(setting="model.name")
    assert loaded.call({"a": 1}, (2,)) == (17, ["a"])


def test_a_function_beside_named_callbacks_goes_with_it():
    build = made(PLAIN + "\ndef callbacks(factors):\n    return [factors]")
    given = give(build, place="model", taken={})
    assert pickle.loads(pickle.dumps(given)).loaded(setting="model.name").callbacks(3) == [3]
    assert give(made(), place="model", taken={}).callbacks is None


def test_what_cannot_be_pickled_is_said_with_its_place():
    import threading

    with pytest.raises(StudyError, match=r"(?s)Study\(.*\): model.name: build cannot be sent to worker processes.*mak"):
        give(made(WIDTH=threading.Lock()), place='Study("mine"): model.name', taken={})


def test_a_function_that_a_worker_cannot_load_is_said_with_its_setting(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gone_later.py").write_text("def block():\n    return 1\n")
    import gone_later

    given = give(made("def build():\n    return gone_later.block()", gone_later=gone_later), place="m", taken={})
    sent = pickle.loads(pickle.dumps(given))
    (tmp_path / "gone_later.py").unlink()
    del sys.modules["gone_later"]
    with pytest.raises(StudyError, match=r"model.name: build \(defined in .*\) cannot be loaded in a worker process: "):
        sent.loaded(setting="model.name")


def test_only_functions_of_a_module_have_a_file_that_a_study_can_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_layers.py").write_text("def build():\n    return 1\ninner = lambda: 1\n")
    import my_layers

    assert in_a_file(my_layers.build) == tmp_path / "my_layers.py"
    assert in_a_file(my_layers.inner) is None
    assert in_a_file(made()) is None
