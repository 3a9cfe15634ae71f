"""The variations of a study's baseline."""

from ablate.study.changes import changes
from ablate.study.space import Choice, Space


def test_each_level_and_each_recipe_is_a_change(tiny_study):
    space = Space({"kind": Choice(("a", "b")), "width": Choice((16, 32)), "optimizer": Choice(("sgd", "adam"))})
    baseline = {"kind": "a", "width": 16, "optimizer": "adam", "learning_rate": 0.01}
    recipes = {"wide": {"kind": "b", "width": 32}}
    study = tiny_study.model_copy(update={"space": space, "baseline": baseline, "recipes": recipes})
    named = {name: (factors["kind"], factors["width"], factors["optimizer"]) for name, factors in changes(study)}
    assert named == {
        "kind=b": ("b", 16, "adam"), "width=32": ("a", 32, "adam"), "optimizer=sgd": ("a", 16, "sgd"),
        "recipe=wide": ("b", 32, "adam"),
    }  # fmt: skip
