from ablate.study.cautions import KINDS, QUESTIONS, sentences


def test_every_kind_has_a_line_of_the_checklist():
    assert set(QUESTIONS) == set(KINDS)
    names = [question.name for question in QUESTIONS.values()]
    assert len(set(names)) == len(names)


def test_what_was_seen_is_said_once_without_full_stops_the_data_first():
    cautions = {
        "identical_runs": ["Same runs.", "Other runs"],
        "contamination": ["Test rows were trained on.", "Same runs"],
    }
    assert sentences(cautions) == ["Test rows were trained on", "Same runs", "Other runs"]


def test_kinds_that_were_not_looked_for_and_kinds_without_a_find_say_nothing():
    assert sentences({}) == []
    assert sentences({"groups": []}) == []
