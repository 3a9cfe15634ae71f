from ablate.report.wording import headline_notes, level_sentence, percent, read_before
from ablate.storage.provenance import EarlierFacts, PreregistrationFacts

FIRST, SECOND = EarlierFacts("digits_mlp", "2026-11-30T10:30:12+00:00"), EarlierFacts("mlp2", "2026-12-01T08:00:00")


def frozen(**facts) -> PreregistrationFacts:
    return PreregistrationFacts("f00", "2026-12-02T08:00:00+00:00", 2, 3, **facts)


def test_a_first_preregistration_and_one_of_an_older_version_have_nothing_to_say():
    for facts in (None, frozen(), frozen(level=0.05, earlier=[], scores=18, read_before=[], undated=0)):
        assert headline_notes(facts) == []


def test_a_spent_level_is_said_with_the_studies_that_spent_it():
    assert level_sentence(frozen(level=0.0125, earlier=[FIRST])) == [
        "Judged at 1.25 %, not 5 %, since comparisons of the same configurations, whatever their training, were "
        "preregistered once before (digits_mlp on 2026-11-30 10:30); simultaneous intervals hold at 98.75 %."
    ]
    (chosen,) = level_sentence(frozen(level=0.0025, earlier=[FIRST], among=5))
    said = "once before (digits_mlp on 2026-11-30 10:30), and some of those are left out now though scores "
    said += "had been read, so the 5 of then and now share the level; "
    assert said in chosen
    (twice,) = level_sentence(frozen(level=0.05 / 16, earlier=[FIRST, SECOND]))
    assert "preregistered 2 times before (digits_mlp on 2026-11-30 10:30, mlp2 on 2026-12-01 08:00)" in twice


def test_scores_that_were_read_before_are_counted_by_preregistration():
    before = [EarlierFacts(FIRST.study, FIRST.at, 12)]
    said = "12 of 16 test scores were read before: 12 under the preregistration of digits_mlp on 2026-11-30 10:30."
    assert read_before(frozen(scores=16, read_before=before)) == said
    assert headline_notes(frozen(scores=16, read_before=before)) == [
        f"{said} The answer is not confirmed by new scores."
    ]
    unknown = frozen(scores=1, read_before=[EarlierFacts(scores=1)])
    assert read_before(unknown) == (
        "1 of 1 test score was read before: 1 under an earlier study, of which no preregistration is recorded."
    )


def test_levels_are_percent_without_closing_zeros():
    levels = (0.05, 0.0125, 0.05 / 16, 0.05 / 64, 0.9875, 1.0)
    assert [percent(level) for level in levels] == ["5 %", "1.25 %", "0.3125 %", "0.07812 %", "98.75 %", "100 %"]
