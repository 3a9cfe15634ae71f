import sys

import pytest

from ablate.errors import StudyError
from ablate.models.build import BUILT_IN, build_model
from ablate.models.layers import LayerSeeds
from ablate.models.model_data import ModelData, classification
from ablate.models.registry import find_builder
from ablate.study.looked_up import LookedUp
from ablate.study.model_ref import ModelRef
from ablate.study.task import Target

USER = """
import keras

def build(factors, input_shape, n_classes, width=4):
    hidden = keras.layers.Dense(width, activation=factors["activation"])
    return keras.Sequential([keras.Input(input_shape), hidden, keras.layers.Dense(n_classes)])

def _private():
    pass

NUMBER = 3
"""
LISTING = """
import keras

def build(data, factors, seed, *, width=4):
    inputs = {name: keras.Input(shape, name=name) for name, shape in data.input_shape.items()}
    x = keras.layers.Concatenate()(list(inputs.values()))
    x = keras.layers.Dense(width, kernel_initializer=keras.initializers.HeNormal(seed))(x)
    return keras.Model(inputs, keras.layers.Dense(data.n_outputs, activation=factors["last"])(x))

def counted(factors, input_shape, n_classes):
    assert (input_shape, n_classes) == ({"a": (2,), "b": (3,)}, 0)
    return build(Data(), factors, 3)

def unknown(factors, shape):
    pass

class Data:
    input_shape, n_outputs = {"a": (2,), "b": (3,)}, 1
"""
LAZY = """
import sys

def __getattr__(name):
    if name == "build":
        sys.exit(4)
    raise AttributeError(name)
"""
MUTE = """
class MuteError(Exception):
    def __str__(self):
        raise self

raise MuteError
"""


@pytest.fixture
def base(tmp_path):
    (tmp_path / "mine.py").write_text(USER)
    return tmp_path


def test_a_registered_name_is_found_and_an_unknown_one_is_answered_with_the_known(tmp_path):
    assert find_builder(ModelRef.of("mlp"), base=tmp_path) is BUILT_IN["mlp"]
    with pytest.raises(StudyError, match=r'unknown model "mlpp"\n  known: .*mlp.*did you mean "mlp"'):
        find_builder(ModelRef.of("mlpp"), base=tmp_path)


def test_a_users_function_builds_with_the_factors_and_options(base):
    builder = find_builder(ModelRef.of("mine.py:build"), base=base)
    factors = {"activation": "tanh", "learning_rate": "find"}
    model = build_model(builder, factors, classification((5,), 3), layer_seeds=LayerSeeds(0, 1), options={"width": 7})
    assert model.layers[0].units == 7
    assert model.output_shape == (None, 3)


PRICES = ModelData({"a": (2,), "b": (3,)}, {"": Target("numbers")})


def test_a_users_function_gets_what_it_lists_also_for_several_inputs_and_numbers(tmp_path):
    (tmp_path / "mine.py").write_text(LISTING)

    def built(function, replicate=1, **options):
        builder, factors = find_builder(ModelRef.of(f"mine.py:{function}"), base=tmp_path), LookedUp({"last": "relu"})
        seeds = LayerSeeds(0, replicate)
        model = build_model(builder, factors, PRICES, layer_seeds=seeds, options=options)
        assert factors.names == {"last"}
        return model.layers[3].kernel.numpy()

    assert built("build").shape == (5, 4)
    assert built("build", width=7).shape == (5, 7)
    assert (built("build") == built("build")).all()
    assert (built("build") != built("build", replicate=2)).any()  # the seed is the replicate's
    assert built("counted").shape == (5, 4)
    with pytest.raises(
        StudyError, match=r'model.name: mine.py:unknown lists shape, .*\n  .*did you mean "input_shape"'
    ):
        built("unknown")
    with pytest.raises(
        StudyError, match=r'model.widht: mine.py:build takes no argument widht\n .*did you mean "width"'
    ):
        built("build", widht=3)


def test_a_users_model_is_seeded_by_the_replicate(base):
    builder = find_builder(ModelRef.of("mine.py:build"), base=base)

    def kernel(replicate):
        seeds = LayerSeeds(0, replicate)
        return build_model(
            builder, {"activation": "relu"}, classification((5,), 3), layer_seeds=seeds, options={}
        ).get_weights()[0]

    assert (kernel(1) == kernel(1)).all()
    assert (kernel(1) != kernel(2)).any()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.py:build", "no such file: "),
        ("mine.py:biuld", 'has no function "biuld"\n  known: build'),
        ("mine.py:NUMBER", 'has no function "NUMBER"'),
        ("broken.py:build", "importing .*broken.py failed: ZeroDivisionError"),
        ("exits.py:build", "importing .*exits.py failed: SystemExit: 2"),
        ("syntax.py:build", r"importing .*syntax.py failed: SyntaxError: .*line 1"),
        ("bytes.py:build", "importing .*bytes.py failed: "),
        ("mute.py:build", "importing .*mute.py failed: MuteError: without a message"),
        ("mine.txt:build", "mine.txt is not a Python file\n  its name must end in .py"),
        (f"{'x' * 300}.py:build", "no such file: "),
        ("lazy.py:build", "lazy.py, looking for build: SystemExit: 4"),
    ],
)
def test_what_is_wrong_with_user_code_is_said(base, name, message):
    (base / "broken.py").write_text("1 / 0")
    (base / "exits.py").write_text("import sys\nsys.exit(2)")
    (base / "syntax.py").write_text("def build(:")
    (base / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (base / "mute.py").write_text(MUTE)
    (base / "mine.txt").write_text(USER)
    (base / "lazy.py").write_text(LAZY)
    with pytest.raises(StudyError, match=message):
        find_builder(ModelRef.of(name), base=base)


def test_a_file_that_fails_leaves_no_module_behind(base):
    (base / "exits.py").write_text("import sys\nsys.exit(2)")
    with pytest.raises(StudyError):
        find_builder(ModelRef.of("exits.py:build"), base=base)
    assert "ablate_user_exits" not in sys.modules


def test_modules_beside_the_file_can_be_imported_also_while_a_model_is_built(tmp_path):
    (tmp_path / "early.py").write_text("WIDTH = 2\n")
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "__init__.py").write_text("")
    (tmp_path / "late" / "depth.py").write_text("from early import WIDTH\nDEPTH = 10 * WIDTH\n")
    text = "from early import WIDTH\ndef build(f, s, n):\n    from late.depth import DEPTH\n    return WIDTH + DEPTH\n"
    (tmp_path / "mine.py").write_text(text)
    build = find_builder(ModelRef.of("mine.py:build"), base=tmp_path).build
    assert build({}, classification((5,), 3), layer_seeds=LayerSeeds(0, 1)) == 22


def test_a_helper_of_another_study_or_an_older_state_of_it_is_not_taken(tmp_path):
    text = "from net_blocks import WIDTH\ndef build(f, s, n):\n    return WIDTH\n"
    widths = []
    for folder, width in (("one", 1), ("two", 22), ("one", 333)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "mine.py").write_text(text)
        (tmp_path / folder / "net_blocks.py").write_text(f"WIDTH = {width}\n")
        build = find_builder(ModelRef.of("mine.py:build"), base=tmp_path / folder).build
        widths.append(build({}, classification((5,), 3), layer_seeds=LayerSeeds(0, 1)))
    assert widths == [1, 22, 333]


def test_a_file_beside_never_hides_a_module_of_python(tmp_path):
    (tmp_path / "wave.py").write_text("raise RuntimeError\n")
    (tmp_path / "mine.py").write_text("import wave\ndef build(f, s, n):\n    return wave.WAVE_FORMAT_PCM\n")
    build = find_builder(ModelRef.of("mine.py:build"), base=tmp_path).build
    assert build({}, classification((5,), 3), layer_seeds=LayerSeeds(0, 1)) == 1


def test_what_a_helper_raises_and_a_helper_that_is_not_there_are_said(tmp_path):
    (tmp_path / "mine.py").write_text("import broken_helper\n")
    with pytest.raises(StudyError, match=r"importing .*mine\.py failed: ModuleNotFoundError: .*broken_helper"):
        find_builder(ModelRef.of("mine.py:build"), base=tmp_path)
    (tmp_path / "broken_helper.py").write_text("1 / 0\n")
    with pytest.raises(StudyError, match=r"importing .*mine\.py failed: ZeroDivisionError"):
        find_builder(ModelRef.of("mine.py:build"), base=tmp_path)
