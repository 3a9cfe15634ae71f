"""A draft as the text of a study file."""

import tomllib

from ablate.experiment.drafting.draft import Draft, text_of

DRAFT = Draft(
    "mine", 'What "matters"?', {"data": {"name": "a.csv", "validation": 0.2}, "space": {"a b": ["x", True]}},
    {("data", "validation"): "a share"}, left_out=("TensorBoard",),
)  # fmt: skip


def test_the_text_is_toml_with_comments_and_what_was_left_out():
    text = text_of(DRAFT)
    assert tomllib.loads(text) == {
        "title": 'What "matters"?', "data": {"name": "a.csv", "validation": 0.2}, "space": {"a b": ["x", True]},
    }  # fmt: skip
    assert "validation = 0.2                 # a share\n" in text
    assert "# - TensorBoard\n" in text
    assert "ablate study mine" in text


def test_a_setting_is_changed_or_added_with_its_comment():
    changed = DRAFT.with_setting("data", "train", 500, comment="of 9,000").with_setting(
        "search", "trials", 0, comment="none"
    )
    assert tomllib.loads(text_of(changed))["data"]["train"] == 500
    assert "# of 9,000" in text_of(changed)
    assert tomllib.loads(text_of(changed))["search"] == {"trials": 0}
    assert "train" not in text_of(DRAFT)
