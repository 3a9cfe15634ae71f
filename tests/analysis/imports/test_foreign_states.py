import pytest
from tables import crossed, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.states import States, find_states, letters
from ablate.analysis.sources import Runs
from ablate.errors import DataError


def found(words, *, column="status", more=None, **asked) -> States:
    """The states of a table with these words in turn."""
    table = crossed().assign(**(more or {}))
    table[column] = [words[i % len(words)] for i in range(len(table))]
    source = runs(table)
    return find_states(source, ImportOptions(**asked), recognize(map(str, source.table)), score="acc")


def meanings(*words, **given):
    return {str(word).strip(): state for word, state in found(words, **given).meanings.items()}


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (("finished", "crashed", "killed", "running", "preempting"),
         ("finished", "failed", "killed", "killed", "killed")),
        (("COMPLETED", "CANCELLED by 1000", "OUT_OF_ME+", "NODE_FAIL", "TIMEOUT", "PREEMPTED"),
         ("finished", "killed", "out_of_memory", "killed", "killed", "killed")),
        (("StatusType.SUCCESS", "StatusType.MEMORYOUT", "StatusType.CRASHED"),
         ("finished", "out_of_memory", "failed")),
        (("TrialState.COMPLETE", "TrialState.PRUNED", "TrialState.FAIL"), ("finished", "pruned", "failed")),
        (("Succeeded", "EarlyStopped", "MetricsUnavailable"), ("finished", "pruned", "killed")),
        (("SUCCEEDED", "EARLY_STOPPED", "USER_CANCELED"), ("finished", "pruned", "killed")),
        (("completed", "published", "stopped"), ("finished", "finished", "killed")),
        (("Completed", "Stopped", "InProgress"), ("finished", "pruned", "killed")),
        (("TERMINATED", "PENDING", "ERROR"), ("finished", "killed", "failed")),
        ((" Ok ", "OOM", "NaN"), ("finished", "out_of_memory", "diverged")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["status", "State", "run_state", "Exit Status", "TrainingJobStatus"])
def test_a_tool_s_words_are_known_wherever_they_stand(words, states, column):
    read = found(words, column=column)
    assert read.column == column
    assert {word.strip(): state for word, state in read.meanings.items()} == dict(
        zip(map(str.strip, words), states, strict=True)
    )


@pytest.mark.parametrize("word", ["stopped", "terminated", "invalid", "banana", "finished?!x"])
@pytest.mark.parametrize("column", ["status", "State", "job_state"])
def test_a_word_that_is_not_known_is_asked_for_by_name(word, column):
    with pytest.raises(DataError, match=f'"{column}" is "') as caught:
        found(("finished", word), column=column)
    assert f'answer with --states "{word}=STATE", with STATE one of finished, pruned' in str(caught.value)
    assert meanings("finished", word, column=column, states=f"{word}=killed")[word] == "killed"


def test_words_of_no_tool_are_asked_for_too_unless_the_column_is_a_factor():
    with pytest.raises(DataError, match='--states "on=STATE,off=STATE"'):
        found(("on", "off"))
    assert found(("on", "off"), factors=("norm", "status")).column == ""
    assert meanings("on", "off", states="on=finished, OFF=pruned") == {"on": "finished", "off": "pruned"}


def test_a_known_word_can_be_said_to_mean_something_else():
    assert meanings("finished", "crashed", states="crashed=diverged") == {"finished": "finished", "crashed": "diverged"}


def test_what_is_said_of_states_must_be_there():
    for stated, message in (
        ("crashed", 'must be "word=state,other=state", got "crashed"'),
        ("crashed=gone", "states are known: diverged, failed, finished"),
        ("crashd=failed", 'no run has "crashd" in status\n  known: crashed, finished .*did you mean "crashed"'),
    ):
        with pytest.raises(DataError, match=message):
            found(("finished", "crashed"), states=stated)
    source = runs(crossed())
    with pytest.raises(DataError, match="no column says how runs ended"):
        find_states(source, ImportOptions(states="a=failed"), recognize(source.table), score="acc")


def test_a_column_of_another_name_tells_states_where_its_words_do():
    assert found(("ok", "failed"), column="outcome").column == "outcome"
    assert found(("ok", "failed", "okay"), column="how it went").column == "how it went"
    with pytest.raises(DataError, match='"outcome" is "meh"'):
        found(("ok", "failed", "meh"), column="outcome")
    for words in (("dense", "pruned"), ("a", "b"), ("1", "2"), ("complete", "ring", "star")):
        assert found(words, column="graph").column == ""


def test_seeds_and_parameters_tell_no_states():
    assert found(("1", "2"), column="random_state").column == ""
    assert found(("on", "off"), column="params.status", more={"params.norm": ["a", "b"] * 6}).column == ""


def test_two_columns_that_say_the_same_are_one_and_else_one_is_chosen():
    same = found(("finished", "failed"), more={"State": ["ok", "error"] * 6})
    assert (same.column, same.others) == ("State", ("status",))
    with pytest.raises(
        DataError, match=r'"State" and "status" disagree about the states of the runs\n  .*--state COLUMN'
    ):
        found(("finished", "failed"), more={"State": ["ok"] * 11 + ["error"]})
    assert found(("finished", "failed"), more={"State": ["ok"] * 11 + ["error"]}, state="status").column == "status"


def test_a_run_without_a_state_is_asked_about_where_it_has_a_score():
    with pytest.raises(DataError, match="is an empty cell"):
        found(("finished", ""))
    assert meanings("finished", "", states="=killed")[""] == "killed"
    table = crossed().astype({"acc": object})
    table["status"] = ["finished"] * 11 + [""]
    table.loc[table["status"] == "", "acc"] = ""
    source: Runs = runs(table)
    assert find_states(source, ImportOptions(), recognize(source.table), score="acc").meanings[""] == "failed"
    dropped = ImportOptions(missing="drop")
    assert find_states(source, dropped, recognize(source.table), score="acc").meanings[""] == "killed"


@pytest.mark.parametrize("word", ["early_stopped", "Early Stopped", "stopped early"])
def test_an_early_stopped_run_is_finished_unless_a_tuner_s_words_are_beside_it(word):
    assert meanings("finished", word)[word] == "finished"
    assert meanings("ok", word, "nan_loss", column="how it went")["nan_loss"] == "diverged"
    assert meanings("Succeeded", "EarlyStopped")["EarlyStopped"] == "pruned"


def test_a_word_that_is_not_known_is_asked_for_in_a_column_of_any_name():
    for words in (("done", "stopped"), ("ok", "terminated", "ok")):
        with pytest.raises(DataError, match=f'"outcome" is "{words[1]}"'):
            found(words, column="outcome")
    for column in ("stop_reason", "exit reason", "termination_reason", "conclusion"):
        with pytest.raises(DataError, match=f'"{column}" is "max_epochs"'):
            found(("max_epochs", "exploded"), column=column)


def test_one_unknown_word_for_all_runs_is_no_state():
    assert found(("CA",), column="state").column == ""


def test_words_are_told_by_their_letters():
    assert [letters(word) for word in ("OUT-OF-MEMORY", " Early Stopped", "TrialState.FAIL", "failed: file.done")] == [
        "outofmemory", "earlystopped", "fail", "failedfiledone",
    ]  # fmt: skip


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("1", "0"), ("yes", "no")])
@pytest.mark.parametrize("column", ["failed", "is_crashed", "Diverged", "killed", "OOM", "timed_out"])
def test_a_flag_of_a_failure_tells_states(column, yes, no):
    read = found((no, yes), column=column)
    assert read.column == column
    assert read.meanings[no] == "finished"
    assert read.meanings[yes] != "finished"


@pytest.mark.parametrize("column", ["finished", "is_completed", "Success", "done"])
def test_what_has_not_finished_by_a_flag_is_asked_about(column):
    with pytest.raises(DataError, match=f'"{column}" is "False"'):
        found(("True", "False"), column=column)
    assert meanings("True", "False", column=column, states="False=failed") == {"True": "finished", "False": "failed"}


def test_flags_of_settings_tell_no_states():
    for column in ("pruned", "early_stopping", "paused_layers", "error_feedback", "complete"):
        assert found(("True", "False"), column=column).column == ""


@pytest.mark.parametrize("column", ["exit_code", "ExitCode", "return code"])
def test_of_exit_codes_nought_is_known(column):
    with pytest.raises(DataError, match=f'"{column}" is "137"\\?'):
        found(("0", "137"), column=column)
    assert meanings("0", "137", column=column, states="137=out_of_memory") == {"0": "finished", "137": "out_of_memory"}
