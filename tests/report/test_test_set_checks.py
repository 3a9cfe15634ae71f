import pytest
from careful_study import Facts, careful_study, changed, failed, state, why

from ablate.report.inputs import Inputs

PREREGISTERED = "Comparisons preregistered before the test set was read"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return careful_study(tmp_path_factory.mktemp("test_set_checks") / "cifar_mlp")


def preregistered(inputs: Inputs, **facts: object) -> Inputs:
    whole = inputs.facts.to_json()["frozen"]
    return changed(inputs, facts={"frozen": whole | facts})


def test_a_test_score_in_the_search_is_found(inputs: Inputs) -> None:
    results = inputs.results.copy()
    results.loc[results["trial"] == "search-0002", "test_accuracy"] = 0.5
    assert failed(changed(inputs, results=results)) == ["Test set read once per run"]


def test_scores_that_were_read_before_the_preregistration_fail_by_name_and_count(inputs: Inputs) -> None:
    before = {"study": "digits_mlp", "at": "2026-11-20T10:30:00+00:00"}
    later = preregistered(
        inputs, scores=16, read_before=[{**before, "scores": 12}], level=0.0125, earlier=[before], undated=0
    )
    assert failed(later) == [PREREGISTERED, "Test set read once per run"]
    said = "12 of 16 test scores were read before: 12 under the preregistration of digits_mlp on 2026-11-20 10:30."
    assert why(later, PREREGISTERED).endswith(said)
    assert "were read for an earlier preregistration: 12." in why(later, "Test set read once per run")


def test_new_scores_pass_and_say_at_which_level_they_are_judged(inputs: Inputs) -> None:
    earlier = [{"study": "digits_mlp", "at": "2026-11-20T10:30:00+00:00"}]
    later = preregistered(inputs, level=0.0125, earlier=earlier)
    assert failed(later) == []
    assert "Judged at 1.25 %, not 5 %" in why(later, PREREGISTERED)
    assert "p = .0125 needs 8 or more" in why(later, "Enough seeds")
    assert "Enough seeds" in failed(preregistered(inputs, level=0.05 / 64, earlier=earlier * 3))


@pytest.mark.parametrize("unrecorded", [{"scores": None}, {"undated": 4}])
def test_scores_without_a_record_leave_the_preregistration_unknown(inputs: Inputs, unrecorded: Facts) -> None:
    older = preregistered(inputs, **unrecorded)
    assert state(older)[PREREGISTERED] is None
    assert "is not recorded" in why(older, PREREGISTERED) or "are not recorded" in why(older, PREREGISTERED)
