"""Which statements of a script make its model, which its data."""

import ast

import pytest
from scripts import MAIN, SEQUENTIAL

from ablate.errors import StudyError
from ablate.experiment.drafting.script import bound_by, flattened, loaded_by, read_script, root_of


@pytest.fixture
def read(tmp_path):
    def of(text):
        (tmp_path / "net.py").write_text(text)
        return read_script(tmp_path / "net.py")

    return of


def needed(script, *names):
    return [ast.unparse(one).splitlines()[0] for one in script.needed(names, before=script.at)]


def test_a_model_needs_what_makes_and_changes_it_but_nothing_that_looks_at_it(read):
    lines = needed(read(SEQUENTIAL), "model")
    assert any(line.startswith("model.compile(") for line in lines)
    assert not any("summary" in line or "print" in line for line in lines)


def test_an_assignment_hides_the_ones_before_it(read):
    text = "import keras\na = 1\nb = a\na = 2\nmodel = keras.f(a)\nmodel.compile('adam')\nmodel.fit(x, y, epochs=1)\n"
    assert needed(read(text), "model") == ["import keras", "a = 2", "model = keras.f(a)", "model.compile('adam')"]


def test_an_assignment_to_itself_keeps_the_one_before(read):
    text = "x = f()\nx = x / 2\nx += 1\nx[0] = 3\nmodel.fit(x, x, epochs=1)\n"
    assert needed(read(text), "x") == ["x = f()", "x = x / 2", "x += 1", "x[0] = 3"]


def test_a_block_that_changes_a_model_is_needed(read):
    text = "import k\nm = k.M()\nif True:\n    m.add(1)\nfor i in range(2):\n    m.add(i)\nm.fit(1, 2, epochs=1)\n"
    assert len(needed(read(text), "m")) == 4


def test_what_is_changed_after_its_use_is_needed(read):
    text = "b = L()\nh = b(i)\nb.trainable = False\nm = k.M(h)\nm.fit(1, 2, epochs=1)\n"
    assert needed(read(text), "m") == ["b = L()", "h = b(i)", "b.trainable = False", "m = k.M(h)"]


def test_a_loop_that_changes_parts_of_an_object_is_needed(read):
    text = "b = L()\nm = k.M(b)\nfor one in b.layers[:-4]:\n    one.trainable = False\nm.fit(1, 2, epochs=1)\n"
    assert needed(read(text), "m") == ["b = L()", "m = k.M(b)", "for one in b.layers[:-4]:"]


def test_of_calls_of_modules_only_their_seeds_count(read):
    text = "import numpy as np\nnp.random.seed(1)\nnp.set_printoptions(2)\nx = np.ones(3)\nm.fit(x, x, epochs=1)\n"
    assert needed(read(text), "x") == ["import numpy as np", "np.random.seed(1)", "x = np.ones(3)"]


def test_main_is_written_out_and_lines_keep_their_numbers(read):
    text, lines = flattened(MAIN)
    assert "\nrng = np.random.default_rng(0)\n" in text
    assert "def main" not in text
    old = MAIN.splitlines()
    assert all(new.strip() == old[lines[number] - 1].strip() for number, new in enumerate(text.splitlines(), 1))
    script = read(MAIN)
    assert old[script.lines[script.fit.lineno] - 1].strip().startswith("net.fit(")


def test_fits_that_are_no_models_do_not_count(read):
    script = read("s.fit(a)\nm.compile('adam')\nm.fit(x, y)\n")
    assert script.model == "m"
    with pytest.raises(StudyError, match=r"calls no model\.fit"):
        read("scaler.fit(x)\n")


def test_names():
    assert bound_by(ast.parse("import a.b, c as d").body[0]) == {"a", "d"}
    assert bound_by(ast.parse("(x, y), z = f()").body[0]) == {"x", "y", "z"}
    assert loaded_by(ast.parse("x = f(y.z)").body[0]) == {"f", "y"}
    assert root_of(ast.parse("a.b[1].c").body[0].value) == "a"
    assert root_of(ast.parse("f().c").body[0].value) == ""
