import pytest
from study_texts import GOOD

from ablate.study.toml import settings, to_toml

SOURCES = """
[data.sources]
easy = { name = "digits", train = 100 }
hard = { name = "cifar10", scaling = "unit" }
"""


def several(names='["digits", "cifar10"]') -> str:
    return GOOD.replace('name = "digits"', f"name = {names}", 1)


DIGITS, CIFAR = (f'{{ name = "{name}" }}' for name in ("digits", "cifar10"))


def table_of(**sources) -> str:
    return tabled("\n[data.sources]\n" + "\n".join(f"{name} = {value}" for name, value in sources.items()) + "\n")


def tabled(sources=SOURCES) -> str:
    return GOOD.replace('name = "digits"\n', "", 1) + sources


def test_good_has_the_line_that_these_tests_replace():
    assert 'name = "digits"\n' in GOOD


def test_a_list_of_names_is_a_study_on_each_of_them(load):
    study = load(several())
    assert {name: data.name for name, data in study.data_sets.items()} == {"digits": "digits", "cifar10": "cifar10"}
    assert study.data == study.data_sets["digits"]
    assert {data.scaling for data in study.data_sets.values()} == {load().data.scaling}


def test_a_source_has_its_own_keys_and_the_shared_ones(load):
    study = load(tabled())
    easy, hard = study.data_sets["easy"], study.data_sets["hard"]
    assert (easy.train, hard.train) == (100, load().data.train)
    assert (easy.scaling, hard.scaling) == (load().data.scaling, "unit")


def test_the_command_line_and_quick_go_before_a_source(load):
    assert [data.train for data in load(tabled(), "data.train=70").data_sets.values()] == [70, 70]
    assert load(tabled(), "data.sources.hard.train=30").data_sets["hard"].train == 30
    quick = load(tabled() + "\n[quick]\ndata.train = 50\n", quick=True)
    assert [data.train for data in quick.data_sets.values()] == [50, 50]


def test_files_and_functions_are_called_by_their_last_part(load, tmp_path):
    (tmp_path / "my.py").write_text("def load(): ...\n")
    names = list(load(several('["tables/houses.npz", "photos/", "my.py:load"]')).data_sets)
    assert names == ["houses", "photos", "load"]


@pytest.mark.parametrize("text", [several(), tabled()])
def test_the_resolved_study_is_the_same_study(load, text):
    study = load(text)
    again = load(to_toml(study))
    assert again == study
    assert settings(again) == settings(study)


def test_a_study_on_one_data_set_says_nothing_of_sources(load):
    assert load().data_sets == {}
    assert "sources" not in to_toml(load())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (several('["digits"]'), "data.name: must name two data sets or more, got 1"),
        (several("[]"), "data.name: must name two data sets or more, got 0"),
        (several('["digits", 3]'), "data.name: must be a list of texts"),
        (several('["digits", "digits"]'), 'would be called "digits" in the results, as another one is'),
        (several('["a/x.npz", "b/x.npz"]'), 'would be called "x" in the results'),
        (several('["digits", "cifar"]'), "unknown data set"),
        (several('["digits", "cifar"]'), "(on data set cifar)"),
        (GOOD + SOURCES, "data.name: does not fit beside [data.sources]"),
        (table_of(a=DIGITS), "data.sources: must name two data sets or more"),
        (table_of(a='"digits"', b=CIFAR), "data.sources.a: must be a table"),
        (table_of(a="{ train = 5 }", b=CIFAR), "must have a name of its own"),
        (table_of(a=DIGITS, b=DIGITS), "a and b are the same data set"),
        (table_of(a='{ name = "digits", trian = 5 }', b=CIFAR), "trian: unknown key"),
        (table_of(**{'"a b"': DIGITS, "b": CIFAR}), "is no name of a data set"),
        (several("[[]]"), "data.name: must be a list of texts"),
    ],
)
def test_sources_that_do_not_fit_are_refused(complaint, text, said):
    assert said in complaint(text)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("ablation.reference=both", '"both" needs a search on each data set'),
        ('ablation.design=["one-factor", "path"]', '"path" leads to the best of a search on each data set'),
        ("ablation.seeds=auto", '"auto" decides on one data set'),
    ],
)
def test_settings_that_need_one_data_set_are_refused(complaint, load, override, said):
    load(GOOD, override)
    assert said in complaint(several(), override)
