import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_texts import CLASSIC, EVERYTHING, GOOD, OWN_MODEL, toml

from ablate.errors import StudyError
from ablate.study.factors import RESERVED
from ablate.study.load import load_study
from ablate.study.names import find_study, list_studies
from ablate.study.space import Choice, Float, Int, RateSpan
from ablate.study.toml import settings as study_settings
from ablate.study.toml import to_toml


def test_a_file_becomes_a_study_with_every_default_filled_in(load, tmp_path):
    study = load()
    assert (study.name, study.title, study.seed, study.quick) == ("x", "A study", 0, False)
    assert (study.source, study.base) == (str(tmp_path / "x.toml"), tmp_path)
    assert study.model.options == {"depth": 3, "width": 64, "units": "", "dropout_at": "each"}
    assert (study.training.epochs, study.training.patience, study.training.monitor) == (10, 5, None)
    assert (study.ablation.learning_rate, study.ablation.margin, study.ablation.factors) == (("find",), None, None)
    assert dict(study.space.dimensions) == {
        "normalization": Choice(("none", "batch")),
        "dropout": Float(0.0, 0.4, ablate=(0.0, 0.1)),
        "optimizer": Choice(("adam", "nadam", "sgd"), ablate=("adam",)),
        "learning_rate": RateSpan((0.1, 3.0), ablate=(0.3,)),
    }
    assert repr(study.baseline["dropout"]) == "0.0"
    assert study.space.contains(study.baseline)


def test_the_optimizers_settings_are_factors_of_any_model_and_may_be_left_out(load):
    more = "\nweight_decay = { low = 1e-5, high = 1e-1, log = true, ablate = [0.01] }\nmomentum = [0.5, 0.9]\n"
    text = GOOD.replace("dropout = 0\n", "dropout = 0\nweight_decay = 1e-4\nmomentum = 0.9\n")
    study = load(text.replace("[space]\n", f"[space]{more}"))
    assert (study.baseline["weight_decay"], study.baseline["momentum"]) == (1e-4, 0.9)
    assert study.space.dimensions["weight_decay"].levels() == (0.01,)
    assert "momentum" not in load().baseline


def test_a_model_of_ones_own_has_factors_of_ones_own(load):
    study = load(OWN_MODEL)
    assert study.title == "x"
    assert study.model.options == {"filters": 8}
    assert study.space.dimensions["kernel"] == Int(1, 7, ablate=(1, 5))
    assert study.space.dimensions["learning_rate"] == Float(1e-4, 1.0, log=True)
    assert [level for _, level, _ in study.space.neighbours(study.baseline)] == ["groß", 1, 5, False]


@pytest.mark.parametrize(
    ("text", "overrides", "quick"),
    [
        (GOOD, [], False),
        (GOOD, ["seed=7", "data.train=100", "ablation.margin=0.01", 'ablation.factors=["dropout"]'], False),
        (GOOD, [r'title="\"q\" \\ ü"', 'ablation.learning_rate=["carry", "find"]'], True),
        (OWN_MODEL, [], False),
        (EVERYTHING, [], False),
        (CLASSIC, [], False),
        (EVERYTHING, ["ablation.learning_rate=tune"], True),
        (OWN_MODEL + "[quick]\ntraining.epochs = 3\n", [], True),
    ],
)
def test_the_resolved_study_loads_as_an_equal_one(text, overrides, quick, load):
    study = load(text, *overrides, quick=quick)
    again = load(to_toml(study), quick=quick)
    assert again == study
    assert list(again.space.dimensions) == list(study.space.dimensions)
    assert to_toml(again) == to_toml(study)


def test_a_resolved_study_keeps_its_name_under_another_file_name(load, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(to_toml(load()))
    assert load_study(path, overrides=[], quick=False).name == "x"


@pytest.mark.parametrize("text", [OWN_MODEL, EVERYTHING, CLASSIC])
def test_a_study_survives_the_way_to_another_process(load, text):
    study = load(text)
    assert pickle.loads(pickle.dumps(study)) == study


def test_a_study_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load().training.epochs = 3


def test_settings_are_flat_text(load):
    flat = study_settings(load())
    assert flat["training.epochs"] == "10"
    assert flat["space.normalization"] == '["none", "batch"]'
    assert flat["space.learning_rate.span"] == "[0.1, 3.0]"
    assert flat["baseline.activation"] == "elu"
    assert all(isinstance(value, str) for value in flat.values())


def test_the_command_line_beats_quick_beats_the_file_beats_the_default(load):
    text = GOOD + "[quick]\ntraining.epochs = 2\ntraining.patience = 1\n"
    assert load(text).training.epochs == 10
    training = load(text, "training.patience=4", quick=True).training
    assert (training.epochs, training.patience, training.batch_size) == (2, 4, 32)


def test_a_study_without_a_quick_table_is_cut_by_a_general_one(load):
    study = load(GOOD, "search.trials=1", "ablation.seeds=5", quick=True)
    assert (study.training.epochs, study.data.train) == (2, 4000)
    assert (study.search.trials, study.ablation.seeds) == (1, 5)
    assert load(GOOD, "training={epochs = 7}", quick=True).training.epochs == 7


def test_an_override_is_toml_or_else_text(load):
    study = load(GOOD, "baseline.activation=gelu", "space.dropout.high=0.9", "space.normalization=['none']", "seed = 3")
    assert study.baseline["activation"] == "gelu"
    assert study.space.dimensions["dropout"] == Float(0.0, 0.9, ablate=(0.0, 0.1))
    assert study.space.dimensions["normalization"] == Choice(("none",))
    assert study.seed == 3


def test_an_override_with_a_table_replaces_it(load):
    study = load(GOOD, "space.dropout={levels = [0.0, 0.5]}")
    assert study.space.dimensions["dropout"] == Choice((0.0, 0.5))


def edited(old, new):
    """GOOD with one thing changed."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 10", "epoch = 10", 'x.toml: training.epoch: unknown key\n  known: backend, batch_size, epochs, '
         'keep, loss, max_loss, monitor, patience, precision       did you mean "epochs"?'),
        ("epochs = 10", "epochs = 0", "x.toml: training.epochs: must be at least 1, got 0"),
        ("epochs = 10", 'precision = "half"', 'x.toml: training.precision: unknown value "half"'),
        ("dropout = 0\n", "dropout = 0\nmomentum = 1.0\n", "momentum: must be a number from 0 to below 1, got 1.0"),
        ("dropout = 0\n", "dropout = 0\nweight_decay = -1\n", "weight_decay: must be a number from 0 up, got -1"),
        ("epochs = 10", 'epochs = "10"', 'x.toml: training.epochs: must be a whole number, got "10"'),
        ("epochs = 10", "epochs = 1.0", "x.toml: training.epochs: must be a whole number, got 1.0"),
        ("epochs = 10", "epochs = true", "x.toml: training.epochs: must be a whole number, got true"),
        ("epochs = 10", "epochs = 1979-05-27", "x.toml: training.epochs: must be text, a number"),
        ("epochs = 10", "max_loss = nan", "x.toml: training.max_loss: must be a finite number, got nan"),
        ("epochs = 10", f"epochs = {'9' * 5000}", "x.toml: is not TOML"),
        ("epochs = 10", f"epochs = {10**30}", "x.toml: training.epochs: must fit into 64 bits"),
        ("epochs = 10", 'monitor = "accuracy"', 'x.toml: training.monitor: must be "val_" and the name of '
         'a metric, such as "val_loss", got "accuracy"'),
        ("epochs = 10", "monitor = 1", 'x.toml: training.monitor: must be text, in "quotes", got 1'),
        ("epochs = 10", "[abblation]\nseeds = 3", 'x.toml: abblation: unknown key\n  known: ablation, baseline'),
        ("epochs = 10", "epochs = 10\nepochs = 11", "x.toml: is not TOML: Cannot overwrite a value"),
        ("epochs = 10", "epochs = ", "x.toml: is not TOML: Invalid value"),
        ("epochs = 10", "[lr_test]\nlow = 2.0", "x.toml: lr_test: high must be at least 10 times low"),
        ("epochs = 10", "[search]\nsampler = []", "x.toml: search.sampler: must be one of tpe, random, nsga2, got []"),
        ("epochs = 10", "[ablation]\nlearning_rate = 'guess'", 'x.toml: ablation.learning_rate: unknown value "guess"'),
        ("epochs = 10", "[ablation]\nlearning_rate = []", "x.toml: ablation.learning_rate: must not be empty"),
        ("epochs = 10", "[ablation]\nlearning_rate = ['find', 'find']", "each name may appear only once"),
        ("epochs = 10", "[ablation]\nmargin = 0.5", "must be below 0.5, got 0.5\n  it is a fraction"),
        ("epochs = 10", "[ablation]\nfactors = ['drop']", 'unknown factor of [space] "drop"'),
        ("epochs = 10", "[ablation]\nfactors = []", "ablation.factors: must not be empty\n  to skip the ablation"),
        ('title = "A study"', "title = 3", "x.toml: title: must be text of at most 200 characters, got 3"),
        ('title = "A study"', r'title = "a\nb"', r'x.toml: title: must be one line of printable text, got "a\nb"'),
        ('title = "A study"', "seed = -1", "x.toml: seed: must be a whole number from 0"),
        ('title = "A study"', 'name = "../x"', 'x.toml: name: a study\'s name has letters, digits'),
        ('name = "digits"', 'name = "digit"', 'x.toml: data.name: unknown data set "digit"\n'
         '  known: FILE.csv, FILE.parquet, FILE.py:FUNCTION, FOLDER/ of images, FOLDER/FILE.npz, '
         'cifar10, cifar100, digits, fashion_mnist, mnist       did you mean "digits"?'),
        ('name = "digits"', "", "x.toml: data.name: is missing\n  write it as name = ... in [data]"),
        ('name = "mlp"', 'name = "mpl"', 'model "mpl"\n  known: mlp, cnn, text, unet, resnet, resnet50; or your own'),
        ('name = "mlp"', "", "x.toml: model.name: is missing"),
        ("depth = 3", "deph = 3", "x.toml: model.deph: unknown key\n  known: depth, dropout_at, name, units, width"),
        ("depth = 3", "depth = 3.5", "x.toml: model.depth: must be a whole number from 1 to 100000, got 3.5"),
        ("depth = 3", "depth = []", "x.toml: model.options: must be text, a number, true or false, got []"),
        ('activation = "elu"', 'activation = "rellu"', 'x.toml: baseline.activation: unknown level "rellu"\n  known: '),
        ('activation = "elu"', "activation = 1", "x.toml: baseline.activation: must be a name, got 1"),
        ('activation = "elu"', "", "x.toml: baseline.activation: is missing\n  every factor needs a level"),
        ('activation = "elu"', 'activation = "elu"\nwdth = 3', 'x.toml: baseline.wdth: unknown factor "wdth"'),
        ('activation = "elu"', 'activation = "elu"\ndepth = 3', "x.toml: model.depth: is a factor of this study"),
        ('activation = "elu"', 'activation = "elu"\nunits = "9-"', "baseline.units: must be empty, or whole numbers"),
        ('activation = "elu"', 'activation = "elu"\nbudget = 0', "baseline.budget: must be a number above 0 to 1"),
        ('activation = "elu"', 'activation = "elu"\nbatch_size = 1.5', "batch_size: must be a whole number from 1"),
        ('activation = "elu"', 'activation = "elu"\nmc_samples = true', "baseline.mc_samples: must be a whole number"),
        ('activation = "elu"', 'activation = "elu"\nschedule = "cos"', 'baseline.schedule: unknown level "cos"'),
        ('"he_normal"', '"he_normal*0"', 'initializer: unknown level "he_normal*0"'),
        ("epochs = 10", "[schedule]\nboundaries = [0.5, 0.2]", "boundaries: must increase and lie between 0 and 1"),
        ("epochs = 10", "[schedule]\nvalues = [1.0]", "schedule.values:"),
        ("epochs = 10", "[schedule]\nvalues = [1.0, 0.5]", "schedule.values: must be 3 positive numbers"),
        ("dropout = 0\n", "dropout = 0.5\n", "x.toml: baseline.dropout: the baseline must lie in the space, got 0.5\n"
         "  space.dropout: from 0 to 0.4"),
        ("dropout = 0\n", "dropout = true\n", "x.toml: baseline.dropout: must be a number from 0 to below 1, got true"),
        ('learning_rate = "find"', 'learning_rate = "fin"', 'baseline.learning_rate: a learning rate must be a number'),
        ('learning_rate = "find"', "learning_rate = 0.1", "x.toml: baseline.learning_rate: the baseline must lie in"),
        ('["none", "batch"]', "[]", "x.toml: space.normalization: a list of levels must not be empty"),
        ('["none", "batch"]', '["none", "none"]', "x.toml: space.normalization: each level may appear only once"),
        ('["none", "batch"]', '["none", "bach"]', 'x.toml: space.normalization: unknown level "bach"'),
        ('["none", "batch"]', '["batch"]', "x.toml: baseline.normalization: the baseline must lie in the space"),
        ('["none", "batch"]', '"none"', "x.toml: space.normalization: must be a list of levels or a table with low"),
        ('["none", "batch"]', "{}", "x.toml: space.normalization.low: is missing"),
        ('["none", "batch"]', "{ low = 0, high = 1 }", "x.toml: space.normalization.low: must be a name"),
        ("high = 0.4", "high = 1.0", "x.toml: space.dropout.high: must be a number from 0 to below 1, got 1.0"),
        ("high = 0.4", "high = -0.4", "x.toml: space.dropout.high: must be a number from 0"),
        ("high = 0.4", "high = 0.0", "x.toml: space.dropout: low must be below high, got low=0.0 high=0.0"),
        ("high = 0.4", "hihg = 0.4", "x.toml: space.dropout.hihg: unknown key\n  known: ablate, high, log, low"),
        ("[0.0, 0.1]", "[0.0, 0.5]", "x.toml: space.dropout: every level of ablate must lie in the space, got 0.5"),
        ('around = "find"', 'around = "fnid"', "x.toml: space.learning_rate.around: unknown value"),
        ("span = [0.1, 3]", "span = [0.1]", "x.toml: space.learning_rate.span: has too few items"),
        ("span = [0.1, 3]", "span = [2, 3]", "x.toml: space.learning_rate: every level of ablate must lie in the span"),
        ('{ levels = ["adam", "nadam", "sgd"], ablate = ["adam"] }', '{ around = "find" }',
         "x.toml: space.optimizer.around: works for the learning rate only"),
        ("[training]", "[quick]\ntraining.epoch = 3\n[training]", "x.toml: quick.training.epoch: unknown key"),
        ("[training]", "[quick]\nquick.a = 3\n[training]", "x.toml: quick.quick: unknown key"),
        ("[training]", f"a = {'[' * 5000}\n[training]", "x.toml: is not TOML"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_place_rule_and_way_out(old, new, message, complaint):
    assert message in complaint(edited(old, new))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", '--set training.epoch: unknown key\n  known: backend, batch_size, epochs'),
        ("training.epochs=few", '--set training.epochs: must be a whole number, got "few"'),
        ("training.epochs", "--set training.epochs: must look like training.epochs=5"),
        ("a b=1", "--set a b=1: must look like"),
        ("title.x=1", "--set title.x: title is not a table, so it has no keys"),
        ("space.normalization.levels=1", "--set space.normalization.levels: space.normalization is not a table"),
        ("space.dropout.low=0.5", "x.toml with --set space.dropout.low: space.dropout: low must be below high"),
        ("training.epochs=1\nseed=3", '--set training.epochs: must be one line of printable text'),
        ("quick.training.epochs=3", "quick.training.epochs: --set overrides [quick], so write training.epochs"),
        ("model=mlp", '--set model: must be a table, got "mlp"'),
    ],
)  # fmt: skip
def test_a_broken_override_is_named_as_it_was_typed(override, message, complaint):
    assert message in complaint(GOOD, override)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kernel = 3", "kernel = 3.5", "x.toml: baseline.kernel: the baseline must lie in the space, got 3.5"),
        ("[1, 5]", "[1.5]", "x.toml: space.kernel.ablate: every level must be a whole number"),
        ("residual = true", "residual = 1", "x.toml: baseline.residual: the baseline must lie in the space, got 1"),
        ('= "klein"', '= " klein"', "a level must have 1 to 100 characters, without spaces at its ends"),
        ("[true, false]", "[true, false]\nseed = [1]", "x.toml: space.seed: is a column of the results table"),
        ("[true, false]", '[true, false]\n"a/b" = [1]', "x.toml: space.a/b: a factor's name may have only letters"),
        ("[true, false]", "[true, false]\nextra = [1]", "x.toml: baseline.extra: is missing"),
        ('"adam"', '"adma"', 'x.toml: baseline.optimizer: unknown level "adma"'),
        ("filters = 8", '"fil ters" = 8', "must be a valid name for an argument of build"),
        ("nets.py:build", "nets.py", 'x.toml: model.name: unknown model "nets.py"'),
    ],
)
def test_a_broken_study_of_ones_own_model_is_refused_too(old, new, message, complaint):
    assert message in complaint(OWN_MODEL.replace(old, new, 1))


def test_a_space_in_which_nothing_varies_is_refused(complaint):
    text = GOOD[: GOOD.index("[space]")]
    assert complaint(text) == (
        'x.toml: space: at least one factor must vary\n  e.g. optimizer = ["adam", "nadam"] in [space]'
    )


def test_no_factor_can_overwrite_a_column_of_the_results_table():
    assert {"seed", "reason", "value", "learning_rate_setting"} < RESERVED
    assert "learning_rate" not in RESERVED


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.exists, "no such file"),
        (Path.mkdir, "is a folder"),
        (lambda path: path.write_bytes(b'title = "\xff"'), "is not UTF-8 text (byte 9)"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(make, message, tmp_path):
    path = tmp_path / "x.toml"
    make(path)
    with pytest.raises(StudyError, match=r"x\.toml") as caught:
        load_study(path, overrides=[], quick=False)
    assert message in str(caught.value)


def test_a_byte_order_mark_is_no_error(load):
    assert load("\ufeff" + GOOD).title == "A study"


def test_a_file_name_that_no_folder_could_have_is_refused(tmp_path):
    path = tmp_path / "my study.toml"
    path.write_text(GOOD)
    with pytest.raises(StudyError, match='got "my study"\n  rename the file'):
        load_study(path, overrides=[], quick=False)


@pytest.mark.parametrize("name", ["cifar_mlp", "digits_mlp"])
@pytest.mark.parametrize("quick", [False, True])
def test_a_bundled_study_is_found_from_an_empty_folder_and_loads(name, quick, tmp_path):
    study = load_study(find_study(name, folder=tmp_path), overrides=[], quick=quick)
    assert study.name == name
    assert study.space.neighbours(study.baseline)


def test_ones_own_study_wins_over_a_bundled_one_of_its_name(tmp_path):
    own = tmp_path / "studies" / "cifar_mlp.toml"
    own.parent.mkdir()
    own.write_text(GOOD)
    assert find_study("cifar_mlp", folder=tmp_path) == own
    listed = [(name, title, bundled) for name, title, _, bundled in list_studies(tmp_path)]
    assert [entry for entry in listed if entry[0] in ("cifar_mlp", "digits_mlp")] == [
        ("cifar_mlp", "A study", False),
        ("digits_mlp", "A small MLP on handwritten digits", True),
    ]


def test_a_study_that_cannot_be_read_is_listed_with_the_reason(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "broken.toml").write_text("title = ")
    assert [study.title for study in list_studies(tmp_path) if study.name == "broken"] == [
        "(is not TOML: Invalid value (at end of document))"
    ]


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(GOOD)
    assert find_study("x.toml", folder=tmp_path) == path
    assert find_study(str(path), folder=Path("elsewhere")) == path


@pytest.mark.parametrize(
    "name",
    ["", "..", ".hidden", "-x", "a b", "a/../../b", "../x", "a\\b", "x" * 101, "x" * 5000 + ".toml", "a\0b", "\udcff",
     "missing", "missing.toml", "日" * 90],
)  # fmt: skip
def test_a_name_without_a_study_is_an_error(name, tmp_path):
    (tmp_path / "x.toml").write_text(GOOD)
    (tmp_path / "inner").mkdir()
    with pytest.raises(StudyError):
        find_study(name, folder=tmp_path / "inner")


def test_a_misspelt_name_gets_the_nearest_one(tmp_path):
    with pytest.raises(StudyError, match=r'did you mean "cifar_mlp"\?'):
        find_study("cifar_mpl", folder=tmp_path)


@pytest.mark.parametrize("name", ["größe", "研究-1", "हिन्दी", "a.b_c-1"])
def test_a_study_may_be_named_in_any_script(name, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{name}.toml").write_text(GOOD)
    path = find_study(name, folder=tmp_path)
    assert load_study(path, overrides=[], quick=False).name == name


def test_reading_a_study_loads_no_heavy_library():
    code = (
        "import sys, ablate.study; print(sorted({'numpy', 'pandas', 'keras', 'optuna', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.integers(-3, 3),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["find", "find*0.3", "elu", "adam", "none", "mlp", "digits", "a.py:b"]),
        st.dates(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "title", "name", "seed", "data", "model", "training", "lr_test", "baseline", "space", "search", "ablation",
    "quick", "scaling", "validation", "train", "depth", "epochs", "patience", "monitor", "low", "high", "log",
    "ablate", "levels", "around", "span", "optimizer", "learning_rate", "dropout", "activation", "trials", "seeds",
    "factors", "margin", "fallback", "when", "recipes", "design", "factorial", "reference", "momentum",
)  # fmt: skip
KEYS = st.lists(
    st.one_of(
        st.sampled_from(NAMES),
        st.text(max_size=4),
    ),
    min_size=1,
    max_size=3,
)
TEXTS = st.sampled_from([GOOD, OWN_MODEL, EVERYTHING, CLASSIC])
HARMLESS = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused_or_loaded(load, *arguments, quick):
    """True where a study came out; nothing but a `StudyError` may come otherwise, three lines at most."""
    try:
        study = load(*arguments, quick=quick)
    except StudyError as err:
        message = str(err)
    else:
        message = ""
    assert message.count("\n") <= 2
    if message:
        return False
    assert load(to_toml(study), quick=quick) == study
    return True


@HARMLESS
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.booleans())
def test_no_tree_of_values_does_anything_but_be_refused(load, tree, quick):
    text = "\n".join(f"{toml(name)} = {toml(value)}" for name, value in {toml(n): v for n, v in tree.items()}.items())
    assert not refused_or_loaded(load, text, quick=quick)


@HARMLESS
@given(KEYS, VALUES, st.booleans(), TEXTS)
def test_a_good_file_with_one_value_changed_is_loaded_or_refused(load, key, value, quick, text):
    lines = text.splitlines()
    dotted = ".".join(toml(part) for part in key)
    refused_or_loaded(load, "\n".join([f"{dotted} = {toml(value)}", *lines]), quick=quick)


@HARMLESS
@given(
    KEYS,
    st.one_of(VALUES.map(toml), st.text(max_size=8)),
    st.booleans(),
    TEXTS,
)
def test_any_override_is_taken_or_refused(load, key, value, quick, text):
    refused_or_loaded(load, text, f"{'.'.join(key)}={value}", quick=quick)


@HARMLESS
@given(st.text(max_size=6), st.integers(0, 400), st.integers(0, 8), st.booleans())
def test_a_good_file_with_a_hole_or_a_splinter_is_loaded_or_refused(load, splinter, start, length, quick):
    text = "".join(char for char in splinter if not "\ud800" <= char <= "\udfff")
    refused_or_loaded(load, GOOD[:start] + text + GOOD[start + length :], quick=quick)
