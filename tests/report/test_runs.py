from ablate.report.runs import runs_anchor


def test_unlike_contrasts_have_unlike_anchors_that_are_plain_words() -> None:
    names = ["a=1", "a-1", "a_3d_1", "A=1", 'x" onclick="', "ä", "best: a=1", ""]
    anchors = {runs_anchor(name, mode) for name in names for mode in ("find", "carry")}
    assert len(anchors) == 2 * len(names)
    assert all(anchor.isascii() and anchor.replace("_", "").replace("-", "").isalnum() for anchor in anchors)
