import pytest

from ablate.analysis.imports.exports import recognize


@pytest.mark.parametrize(
    ("columns", "tools", "factors"),
    [
        (["number", "value", "params_lr", "state"], ["Optuna"], ["params_lr"]),
        (["run_id", "params.lr", "metrics.acc", "status"], ["MLflow"], ["params.lr"]),
        (["Name", "State", "Created", "Runtime", "lr", "acc"], ["Weights & Biases"], []),
        (["trial_id", "config/lr", "training_iteration", "acc"], ["Ray Tune"], ["config/lr"]),
        (["trial_id", "hyperparameters.values.lr", "score", "status"], ["KerasTuner"], ["hyperparameters.values.lr"]),
        (["_id", "config.lr", "result", "heartbeat"], ["Sacred"], ["config.lr"]),
        (["STATUS", "NAME", "Args/lr", "General/width"], ["ClearML"], ["Args/lr", "General/width"]),
        (["config_id", "instance", "cost", "starttime", "lr"], ["SMAC"], []),
        (["hparams.lr", "searcherMetricValue", "state"], ["Determined"], ["hparams.lr"]),
        (["trialName", "Status", "lr"], ["Katib"], []),
        (["trialJobId", "reward", "lr"], ["NNI"], []),
        (["TrainingJobName", "TrainingJobStatus", "FinalObjectiveValue", "lr"], ["SageMaker"], []),
        (["JobID", "JobName", "State", "Elapsed", "lr"], ["SLURM"], []),
        (["param_C", "mean_fit_time", "mean_test_score"], ["scikit-learn"], ["param_C"]),
        (["sys/id", "sys/state", "parameters/lr"], ["Neptune"], ["parameters/lr"]),
        (["number", "params_lr", "params.lr", "metrics.acc"], ["Optuna", "MLflow"], ["params_lr", "params.lr"]),
    ],
)  # fmt: skip
def test_a_tool_is_known_by_its_typical_columns_and_two_may_be_mixed(columns, tools, factors):
    export = recognize(columns)
    assert [tool.name for tool in export.tools] == tools
    assert list(export.of_kind("factor")) == factors


@pytest.mark.parametrize(
    "columns",
    [["Name", "epoch", "date", "done", "Notes", "memory", "acc"], ["State", "Tags", "acc"], ["duration", "value"],
     ["time", "cost", "seed"], ["params_total", "acc"], ["Name", "User", "Status"], ["id", "type", "project"]],
)  # fmt: skip
def test_without_several_signs_a_table_is_one_made_by_hand(columns):
    export = recognize(columns)
    assert export.tools == ()
    assert not export.kinds


def test_a_prefix_with_a_point_or_a_slash_is_evidence_by_itself():
    export = recognize(["config.lr", "hparams/width", "metrics.acc", "tags.seed", "params_lr"])
    assert dict(export.kinds) == {
        "config.lr": "factor", "hparams/width": "factor", "metrics.acc": "result", "tags.seed": "attribute",
    }  # fmt: skip
    assert export.name("tags.seed") == "seed"
