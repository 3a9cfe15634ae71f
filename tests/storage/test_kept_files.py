"""The files of kept models, without Keras: names, cards, which model is the best, how to load one."""

import zipfile
from dataclasses import replace

import pytest

from ablate.storage.journal import Entry
from ablate.storage.models import (
    CARD,
    ModelCard,
    ModelEnd,
    best_candidate,
    how_to_load,
    is_candidate,
    kept_model,
    kept_models,
    model_path,
    read_card,
    shown_ends,
)
from ablate.study.trial import Label, Outcome, TrialSpec

END = ModelEnd("", (8, 8, 1), "float32")
PRICE = ModelEnd("", (1,), "float32", "numbers")
CARD_A = ModelCard("mine", "search-0001", {"val_accuracy": 0.5}, (END,), (PRICE,))


def entry(trial="search-0001", *, score=0.5, state="finished", phase="search", variant="", **outcome) -> Entry:
    spec = TrialSpec(trial, Label(phase, variant), 0, {"width": 8})
    return Entry(spec, Outcome(trial, state, score=score, metrics={"val_accuracy": score}, **outcome), (), "")


def write(folder, card: ModelCard, *, trial=""):
    path = model_path(folder, trial or card.trial)
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD, card.to_text())
    return path


@pytest.mark.parametrize(
    ("trial", "begin"),
    [
        ("search-0001", "search-0001.keras"),
        ("ablation-optimizer=sgd-find-s3", "ablation-optimizer=sgd-find-s3.keras"),
        ("../../etc/passwd", "etc_passwd-"),
        ("Größe=7", "Gr_e=7-"),
        ("", "trial-"),
    ],
)
def test_a_trial_of_any_name_has_a_file_in_the_folder_of_models(tmp_path, trial, begin):
    path = model_path(tmp_path, trial)
    assert path.parent == tmp_path / "models"
    assert path.name.startswith(begin)
    assert path.suffix == ".keras"


def test_names_that_differ_in_what_a_file_name_cannot_hold_have_files_of_their_own(tmp_path):
    names = ["a/b", "a_b", "a b", "A_b", "a" * 300, "a" * 301]
    assert len({model_path(tmp_path, name).name.lower() for name in names}) == len(names)


def test_a_card_survives_its_file(tmp_path):
    card = replace(CARD_A, inputs=(replace(END, name="city", levels=("Oslo", "")),), needs=("my.Net",), code="my.py")
    assert read_card(write(tmp_path, card)) == card


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", None])
def test_a_file_without_a_card_is_no_model(tmp_path, content):
    path = model_path(tmp_path, "search-0001")
    assert read_card(path) is None
    path.parent.mkdir()
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(CARD, '{"study": 3}')
    else:
        path.write_bytes(content)
    assert read_card(path) is None
    assert kept_models(tmp_path) == {}


def test_models_are_listed_by_the_trials_that_they_name(tmp_path):
    path = write(tmp_path, CARD_A)
    write(tmp_path, CARD_A, trial="search-0002")  # copied by hand
    assert kept_models(tmp_path) == {"search-0001": path}


def test_a_file_serves_its_trial_and_those_that_reuse_its_result(tmp_path):
    path = write(tmp_path, CARD_A)
    first, again = entry(), entry("search-0005", same_as="search-0001")
    entries = {"search-0001": first, "search-0005": again, "other": entry("other", same_as="b/search-0001")}
    assert [kept_model(tmp_path, entries, trial) for trial in (*entries, "none")] == [path, path, None, None]


def test_a_file_with_other_scores_than_those_recorded_does_not_serve(tmp_path):
    write(tmp_path, CARD_A)
    assert kept_model(tmp_path, {"search-0001": entry(score=0.6)}, "search-0001") is None


def test_the_best_is_the_best_of_the_search_and_without_one_the_references_best_run(tiny_study):
    searched = [entry("search-0000", score=0.7), entry("search-0001", score=0.9), entry("search-0002", score=0.9)]
    lost = [entry("search-0003", score=0.99, state="pruned")]
    runs = [entry(f"r{n}", score=n, phase="ablation", variant="reference") for n in (1, 3, 2)]
    variant = [entry("v", score=9, phase="ablation", variant="width=4")]
    best = best_candidate(tiny_study, [*lost, *searched, *runs, *variant])
    assert best is not None
    assert best.spec.trial == "search-0001"
    without = tiny_study.model_copy(update={"search": tiny_study.search.model_copy(update={"trials": 0})})
    best = best_candidate(without, [*searched, *variant, *runs])
    assert best is not None
    assert best.spec.trial == "r3"
    assert best_candidate(without, [*searched, *variant]) is None


@pytest.mark.parametrize(("keep", "wanted"), [("none", []), ("best", ["search"]), ("all", ["search", "ablation"])])
def test_which_trials_may_be_kept(tiny_study, keep, wanted):
    training = tiny_study.training.model_copy(update={"keep": keep})
    study = tiny_study.model_copy(update={"training": training})
    specs = [entry().spec, entry("a", phase="ablation", variant="reference").spec]
    assert [spec.label.phase for spec in specs if is_candidate(study, spec)] == wanted


def test_loading_is_said_in_python():
    assert how_to_load(CARD_A, "model.keras") == ["import keras", "model = keras.models.load_model('model.keras')"]
    lines = how_to_load(replace(CARD_A, needs=("nets.Net", "swish2"), code="sub/my.py"), "model.keras")
    assert lines[1:3] == ["from nets import Net", "from my import swish2"]
    on_jax = replace(CARD_A, backend="jax")
    assert how_to_load(on_jax, "a.keras")[0] == "import keras"
    text = replace(on_jax, inputs=(ModelEnd("city", (), "str", levels=("Oslo",)),))
    assert how_to_load(text, "a.keras")[0] == "import keras  # with KERAS_BACKEND=tensorflow, which alone reads texts"
    assert lines[3].endswith('custom_objects={"Net": Net, "swish2": swish2})')


def test_inputs_and_outputs_are_said_in_words():
    ends = (ModelEnd("age", (), "float32"), ModelEnd("city", (), "str", levels=("Oslo", "")))
    assert shown_ends(ends) == "age float32, city text (Oslo, '')"
    assert shown_ends((ModelEnd("", (24, None, 4), "float32", "logits"),)) == "float32 (24, any, 4) of logits"
    assert shown_ends((ModelEnd("", (10,), "float32", "logits"),)) == "float32 (10) of logits"
