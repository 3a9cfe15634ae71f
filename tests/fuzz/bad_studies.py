"""Study files, overrides and names as nobody should write them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import TEXTS, Defect, Door, check_message
from hypothesis import strategies as st
from study_keys import changed_keys, overridden

sys.path.append(str(Path(__file__).resolve().parents[1] / "study"))

from study_texts import CLASSIC, EVERYTHING, GOOD, OWN_COMMAND, OWN_MODEL, OWN_TRAIN, TABLE, toml

from ablate.analysis.imports import ImportOptions
from ablate.errors import AblateError
from ablate.experiment.analyze import ReportPlace, prepare
from ablate.interface.reading import find_folder
from ablate.study.load import load_study
from ablate.study.names import find_study, is_safe_name, to_safe_name
from ablate.study.toml import to_toml

SCALARS = st.one_of(
    st.booleans(), st.integers(), st.integers(-3, 12), st.floats(), st.floats(0, 1), TEXTS, st.dates(), st.times(),
    st.sampled_from(["find", "find*0.3", "elu", "adam", "none", "mlp", "digits", "a.py:b", "x" * 300 + ".py:b",
                     "a.csv", "a.parquet", "photos/", "given", "folds", "balanced", "category", "mse", "f1", "2%",
                     "val_loss"]),
    st.sampled_from(["text", "unet", "gru"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
WORDS = (
    "title", "name", "seed", "data", "model", "training", "lr_test", "baseline", "space", "search", "ablation", "quick",
    "limits", "retries", "scaling", "validation", "train", "depth", "width", "epochs", "patience", "monitor", "low",
    "high", "log", "ablate", "levels", "around", "span", "optimizer", "learning_rate", "dropout", "activation",
    "trials", "seeds", "factors", "margin", "fallback", "when", "recipes", "design", "factorial", "reference",
    "momentum", "trial_minutes", "memory_gb", "killed", "looks", "max_seeds", "schedule", "boundaries", "values",
    "plateau_factor", "cycle_start", "transfer", "classes", "frozen_epochs", "unfrozen_rate", "inspect", "layers",
    "batch_size", "budget", "clip_norm", "mc_samples", "units", "l2", "initializer", "test", "filters",
    "normalization_place", "augmentation", "max_norm", "target", "features", "columns", "image_size", "folds", "groups",
    "order", "weights", "target_scaling", "loss", "metric", "goal", "unit", "also", "vocabulary", "dim", "encoder",
    "stages", "growth", "dropout_at", "command", "sources",
)  # fmt: skip
FINE = (
    "training.epochs=5",
    "seed=7",
    "data.train=100",
    "ablation.margin=0.01",
    "search.trials=3",
    'metric.name="f1"',
    "metric.margin=2%",
    "limits.memory_gb=2",
)
KEYS = st.lists(st.sampled_from(WORDS) | TEXTS, min_size=1, max_size=4)
OF_BUILD = OWN_MODEL.replace('optimizer = "adam"\n', "")  # the optimizer is that of the compiled model
STUDIES = st.sampled_from((GOOD, OWN_MODEL, OF_BUILD, EVERYTHING, CLASSIC, TABLE, OWN_TRAIN, OWN_COMMAND))


@st.composite
def study_files(draw: st.DrawFn) -> bytes:
    """A file of any shape; a good one with a value more, a hole or a splinter; one that is deep, long or no text."""
    kind = draw(st.integers(0, 13))
    text = draw(STUDIES)
    if kind > 9:
        tree = draw(changed_keys((GOOD, OWN_MODEL, CLASSIC, TABLE, TABLE, OWN_TRAIN, OWN_COMMAND)))
        text = "\n".join(f"{toml(name)} = {toml(value)}" for name, value in tree.items())
    elif kind == 0:
        tree = draw(st.dictionaries(TEXTS | st.sampled_from(WORDS), VALUES, max_size=5))
        text = "\n".join(f"{name} = {value}" for name, value in {toml(n): toml(v) for n, v in tree.items()}.items())
    elif kind == 1:
        lines = [line for line in text.splitlines() if not line.startswith("title")]
        text = "\n".join([f"title = {toml(draw(TEXTS))}", f"seed = {draw(st.integers(-1, 99))}", *lines])
    elif kind <= 4:
        lines = text.splitlines()
        place = draw(st.integers(0, len(lines)))
        lines.insert(place, f"{'.'.join(map(toml, draw(KEYS)))} = {toml(draw(VALUES))}")
        text = "\n".join(lines)
    elif kind <= 6:
        lines = text.splitlines()
        place = draw(st.integers(0, len(lines) - 1))
        lines[place] = f"{lines[place].partition('=')[0]}= {toml(draw(VALUES))}"
        text = "\n".join(lines)
    elif kind == 7:
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(TEXTS) + text[start + draw(st.integers(0, 20)) :]
    elif kind == 8:
        text += draw(st.sampled_from((
            f"a = {'[' * 2000}", f"a = {'[' * 50}{']' * 50}", f"{'a.' * 4000}b = 1", "[" + "a." * 400 + "b]", "a = '''",
            "\n".join(f"[x{i}]" for i in range(2000)), f"a = {'9' * 5000}", "#" + "x" * 1_100_000,
            f"a = '{'x' * 20_000}'",
        )))  # fmt: skip
    content = text.encode(errors="replace")
    if kind == 9:
        content = draw(st.sampled_from((b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\x80", b""))) + content
        content = content.decode(errors="replace").encode("utf-16") if draw(st.booleans()) else content
    return content


@dataclass(frozen=True, slots=True)
class StudyExample:
    """A file, overrides and the mode."""

    content: bytes
    overrides: tuple[str, ...] = ()
    quick: bool = False


def enter_study(example: StudyExample, folder: Path) -> None:
    """Load it, and what it resolves to once more."""
    path = folder / "x.toml"
    path.write_bytes(example.content)
    study = load_study(path, overrides=example.overrides, quick=example.quick)
    path.write_text(to_toml(study), encoding="utf-8")
    again = load_study(path, overrides=[], quick=example.quick)
    if again != study:
        raise Defect("the resolved study loads as another one")


def enter_name(name: str, folder: Path) -> None:
    """Every way in which a command line names a study or a report."""
    safe = to_safe_name(name, otherwise="table")
    if not is_safe_name(safe) or (folder / safe).parent != folder:
        raise Defect(f"{safe!r} is no safe name")
    (folder / safe).mkdir()
    for look in (
        lambda: find_folder(name, folder / "reports"),
        lambda: prepare(
            ReportPlace("no such.csv", None, "sqlite:///x.db", name, folder), ImportOptions(), command_line=""
        ),
    ):
        with pytest.raises(AblateError) as refused:
            look()
        check_message(str(refused.value), NAMES)
    (folder / "studies").mkdir()
    if is_safe_name(name):
        (folder / "studies" / f"{name}.toml").write_text(GOOD)
    if load_study(find_study(name, folder=folder), overrides=[], quick=False).name != name:
        raise Defect("another study than the one that was named")


STUDY_FILES = Door(st.builds(StudyExample, study_files(), quick=st.booleans()), enter_study, ("x.toml",))
OVERRIDES = Door(
    st.builds(
        StudyExample,
        STUDIES.map(str.encode),
        st.lists(
            st.builds(
                lambda key, value: f"{'.'.join(key)}={value}",
                st.lists(st.sampled_from(WORDS), min_size=1, max_size=3) | KEYS,
                VALUES.map(toml) | TEXTS,
            )
            | st.sampled_from(FINE)
            | overridden().map(lambda found: f"{found[0]}.{found[1]}={toml(found[2])}")
            | overridden().map(lambda found: f"{found[0]}.{found[1]}={found[2]}")
            | TEXTS.map("title={}".format),
            min_size=1,
            max_size=3,
        ).map(tuple),
        st.booleans(),
    ),
    enter_study,
    ("--set", "x.toml"),
)
NAMES = Door(
    TEXTS | st.text(max_size=120),
    enter_name,
    ("no such file", "study's name", "no results.csv", "--name", "is not TOML", "is a folder"),
)
