import pandas as pd
from tables import crossed, runs

from ablate.analysis.imports.exports import only_runs, recognize, unfolded


def mlflow():
    table = crossed().rename(columns={"norm": "params.norm", "drop": "params.drop", "acc": "metrics.acc"})
    return table.assign(run_id=[f"r{i}" for i in range(12)], experiment_id="1", **{"tags.mlflow.parentRunId": "p"})


def kept(table):
    source = runs(table)
    return only_runs(source, recognize(source.table))


def test_runs_that_hold_others_are_left_out_wherever_they_stand():
    parent = {"run_id": "p", "experiment_id": "1", "tags.mlflow.parentRunId": "", "metrics.acc": 0.9}
    for table in (pd.concat([mlflow(), pd.DataFrame([parent])]), pd.concat([pd.DataFrame([parent]), mlflow()])):
        found = kept(table.astype(object).fillna(""))
        assert found.table["run_id"].tolist() == [f"r{i}" for i in range(12)]
        assert found.notes == ("Left out: 1 parent run, which group other runs.",)
    assert len(kept(mlflow()).table) == 12
    assert len(kept(mlflow().drop(columns="tags.mlflow.parentRunId")).table) == 12


def test_dictionaries_in_cells_become_a_column_a_value():
    table = pd.DataFrame(
        {"config": ["{'lr': 0.1, 'opt': {'name': 'sgd'}}", "{'lr': 0.2, 'opt': {'name': 'adam'}}", ""],
         "summary": ['{"acc": 0.5}', "{'acc': nan, 'loss': -inf}", "{'acc': 0.7}"], "name": ["a", "{b", "c"]}
    )  # fmt: skip
    source = runs(table)
    found = unfolded(source, recognize(source.table))
    assert found.table.to_dict("list") == {
        "config.lr": ["0.1", "0.2", ""], "config.opt.name": ["sgd", "adam", ""],
        "summary.acc": ["0.5", "nan", "0.7"], "summary.loss": ["", "-inf", ""], "name": ["a", "{b", "c"],
    }  # fmt: skip
    assert found.notes == ("Dictionaries in cells are read as one column per value: config, summary.",)


def test_a_cell_that_is_no_dictionary_stays_text_and_is_never_run():
    for cell in ("{1, 2}", "{'a': __import__('os')}", "{" * 5000 + "}", "{'a': 1"):
        source = runs({"config": [cell, cell], "acc": [1, 2]})
        assert unfolded(source, recognize(source.table)) is source


def test_scikit_learn_s_params_repeat_its_own_columns_and_stay():
    source = runs(
        {"param_C": [1, 2], "params": ["{'C': 1}", "{'C': 2}"], "mean_fit_time": [1, 2], "rank_test_x": [1, 2]}
    )
    assert unfolded(source, recognize(source.table)) is source
