import pytest
from sklearn import metrics
from tables import runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.scores import find_direction, find_score, find_unit, unit_note
from ablate.errors import DataError


def direction(name, values=(0.5, 0.6, 0.7), **asked):
    source = runs({name: list(values)})
    return find_direction(source, ImportOptions(**asked), recognize(source.table), score=name)


@pytest.mark.parametrize(
    "name",
    ["accuracy", "val_accuracy", "mean_test_accuracy", "test_roc_auc", "r2", "split0_test_r2", "balanced_accuracy",
     "explained_variance", "mean_test_score", "top_k_accuracy", "metrics.val_f1", "val_precision", "best_val_acc",
     "valAcc", "v_measure_score", "summary.test_recall"],
)  # fmt: skip
def test_more_of_a_score_is_better(name):
    assert direction(name) == "maximize"


@pytest.mark.parametrize(
    "name",
    ["neg_log_loss", "mean_test_neg_mean_squared_error", "test_neg_root_mean_squared_error", "neg_brier_score",
     "split3_test_neg_median_absolute_error", "metrics.neg_mean_absolute_error", "val_neg_max_error"],
)  # fmt: skip
def test_scikit_learn_s_negative_scorers_are_better_when_larger(name):
    assert direction(name, (-0.5, -0.1, 0)) == "maximize"
    with pytest.raises(DataError, match="scorer of this name is never positive"):
        direction(name, (0.5, 0.1, 0.2))


HIGHER = """
accuracy val_accuracy test_acc top1 top5_accuracy top1_acc acc@1 hits@10 ndcg@5 mrr map mAP mAP50 mAP50-95 mAP@0.5
recall precision f1 macro_f1 micro_f1 f2 fbeta balanced_accuracy auc roc_auc auroc auprc pr_auc average_precision mcc
cohen_kappa jaccard iou mIoU mean_iou dice dice_score psnr ssim ms_ssim bleu bleu4 sacrebleu rouge rougeL meteor chrf
cider bertscore r2 r2_score explained_variance pearson spearman reward mean_reward episode_return score test_score
win_rate success_rate elo log_likelihood test_log_likelihood throughput samples_per_second fps speedup exact_match
sensitivity specificity tpr true_positive_rate c_index ari nmi v_measure silhouette si_sdr snr pesq stoi hit_rate
coverage purity mos comet inception_score elbo em pass@1 tm_score sharpe
"""
LOWER = """
loss val_loss test_loss error test_error error_rate err rmse mse mae mape smape wape mase msle rmsle logloss log_loss
cross_entropy binary_crossentropy nll test_nll perplexity ppl log_perplexity bits_per_byte bits_per_dim bpd bpc bpb wer
cer ter fid kid lpips regret simple_regret cost brier brier_score ece hinge_loss deviance kl kl_divergence latency
latency_ms inference_time train_time runtime false_positive_rate fpr fnr false_alarm_rate eer min_dcf hausdorff hd95
chamfer_distance abs_rel crps energy_score interval_score ignorance_score risk_score anomaly_score pinball_loss
mean_absolute_error max_error zero_one_loss hamming_loss misclassification failure_rate edit_distance top1_error
top5_err fid_score loss_score generalization_gap accuracy_gap accuracy_drop forgetting emd mmd mean_rank rank memory
flops seconds toxicity drift mce wasserstein per nfe speedup_loss score_error violation_rate
"""
TURNED = """
negative_loss neg_loss minus_loss inverse_loss 1-accuracy 1_minus_accuracy one_minus_acc error_reduction
loss_improvement test_error_reduction loss_drop acc_gain accuracy_delta loss_delta delta_acc loss_decrease
relative_error_reduction wer_reduction regret_reduction perplexity_gain nll_gain psnr_drop bleu_drop fid_improvement
iou_gap dice_gap rank_improvement elbo_gap negative_elbo neg_elbo neg_log_likelihood negative_log_likelihood inv_rmse
negloss neg_acc negacc error_free_rate latency_reduction loss_ratio relative_loss loss_vs_baseline excess_risk
cross_entropy_gain success_rate_drop throughput_loss_ratio neg_fid mape_improvement mae_diff r2_gain auc_lift
"""


def answers(name):
    """What is read for positive values, fractions and percents; "" where the user is asked."""
    found = set()
    for values in ((0.5, 0.6, 0.7), (51.0, 62.0, 73.0)):
        try:
            found.add(direction(name, values))
        except DataError:
            found.add("")
    return found


def test_no_name_is_read_upside_down_and_few_are_asked_about():
    higher, lower = HIGHER.split(), LOWER.split()
    assert not [name for name in higher if "minimize" in answers(name)]
    assert not [name for name in lower if "maximize" in answers(name)]
    assert [name for name in TURNED.split() if answers(name) != {""}] == []
    asked = [name for name in (*higher, *lower) if "" in answers(name)]
    assert len(asked) <= 0.2 * len((*higher, *lower)), asked


def test_each_scorer_of_scikit_learn_is_better_when_larger():
    for name in metrics.get_scorer_names():
        values = (-0.5, -0.4, -0.3) if name.startswith("neg_") else (0.5, 0.6, 0.7)
        assert direction(f"mean_test_{name}", values) == "maximize"
        assert direction(f"split0_test_{name}", values) == "maximize"


def test_max_error_is_an_error_or_the_scorer_by_its_sign():
    assert direction("max_error", (1, 2, 3)) == "minimize"
    assert direction("test_max_error", (-1, -2, -3)) == "maximize"


@pytest.mark.parametrize(
    "name",
    ["loss", "val_loss", "log_loss", "rmse", "test_mse", "error_rate", "perplexity", "metrics.val_nll", "valLoss",
     "mean_squared_error", "cer", "simple_regret", "log10_loss"],
)  # fmt: skip
def test_less_of_a_loss_is_better(name):
    assert direction(name) == "minimize"


@pytest.mark.parametrize(
    "name",
    ["negative_loss", "accuracy_drop", "test_error_reduction", "loss_improvement", "accuracy_gain", "minus_rmse",
     "inverse_perplexity", "inv_loss", "accuracy_gap", "delta_loss", "error_decrease", "negated_mse", "neg_loss",
     "negLoss", "negloss", "1-accuracy", "1 - acc", "time_to_accuracy", "error_free_rate",
     "one_minus_accuracy", "-loss", "loss_accuracy", "accuracy_regret",
     "auc_error", "brier_score", "speed", "std_test_score", "rank_test_score", "val_loss_reduction", "lossDelta",
     "value", "objective"],
)  # fmt: skip
@pytest.mark.parametrize("values", [(0.5, 0.6, 0.7), (-0.5, -0.6, -0.7)])
def test_a_name_that_turns_the_meaning_or_tells_none_asks_for_the_direction(name, values):
    with pytest.raises(DataError, match="add --direction maximize or minimize"):
        direction(name, values)
    assert direction(name, values, direction="minimize") == "minimize"


def test_values_that_contradict_the_name_are_pointed_out():
    for name in ("val_loss", "log_loss", "accuracy", "test_f1"):
        with pytest.raises(DataError, match="All its values are negative"):
            direction(name, (-0.5, -0.6, -0.7))
    assert direction("log10_loss", (-0.5, -0.6, -0.7)) == "minimize"
    assert direction("val_loss", (-0.5, 0.6, 0.7)) == "minimize"
    assert direction("r2", (-0.5, -0.6, -0.7)) == "maximize"  # worse than the mean in all runs


def test_a_tool_that_does_not_say_the_direction_is_asked_about():
    for columns, score in (
        ({"number": [0, 1], "params_lr": [1, 2], "value": [1, 2]}, "value"),
        ({"trial_id": ["a", "b"], "score": [1, 2], "status": ["COMPLETED"] * 2}, "score"),
        ({"TrainingJobName": ["a", "b"], "TrainingJobStatus": ["Completed"] * 2, "FinalObjectiveValue": [1, 2]},
         "FinalObjectiveValue"),
    ):  # fmt: skip
        source = runs(columns)
        export = recognize(source.table)
        assert find_score(source, ImportOptions(), export) == score
        with pytest.raises(DataError, match="exports do not say so"):
            find_direction(source, ImportOptions(), export, score=score)


def test_what_ends_as_a_setting_is_no_score():
    source = runs({"loss_weight": [1, 2], "score_threshold": [1, 2], "params.loss": [1, 2], "val_acc": [1, 2]})
    assert find_score(source, ImportOptions(), recognize(source.table)) == "val_acc"
    gap = runs({"test_loss": [0.1, 0.2], "generalization_gap": [0.15, 0.25]})
    with pytest.raises(DataError, match="it may be test_loss, generalization_gap"):
        find_score(gap, ImportOptions(), recognize(gap.table))


def unit(name, values, **asked):
    return find_unit(runs({name: list(values)}), ImportOptions(**asked), score=name, direction="maximize")


def test_an_accuracy_is_in_points_whether_fractions_or_percents():
    assert unit("val_acc", (0.5, 0.9)) == "points"
    assert unit("accuracy", (50.1, 99.5)) == "points"
    assert unit("accuracy", (150.1, 99.5)) == ""
    assert unit("auc", (0.5, 0.9)) == ""
    assert unit_note(runs({"accuracy": [50.1]}), score="accuracy", unit="points").startswith("accuracy is read as perc")
    assert not unit_note(runs({"accuracy": [0.5]}), score="accuracy", unit="points")


def test_fractions_and_percents_in_one_column_are_a_question():
    for name, values in (("val_acc", (0.81, 82.5)), ("test_auc", (91, 0.9)), ("f1", (1, 50, 60))):
        with pytest.raises(DataError, match="seems to mix fractions and percents"):
            unit(name, values)
        assert unit(name, values, unit="points") == "points"


def test_a_row_for_each_metric_is_refused():
    for name in ("metric", "tag", "Metric Name"):
        source = runs({name: ["val_acc", "val_loss"] * 2, "value": [0.5, 1.5, 0.6, 1.4]})
        with pytest.raises(DataError, match=f'rows of several metrics: "{name}" is val_acc, val_loss'):
            find_score(source, ImportOptions(), recognize(source.table))
    distances = runs({"metric": ["l1", "l2"], "acc": [0.5, 0.6]})
    assert find_score(distances, ImportOptions(), recognize(distances.table)) == "acc"


def test_a_spread_beside_a_score_is_none():
    source = runs({"val_acc": [0.5, 0.6], "val_acc_std": [0.1, 0.2], "acc_ci_lower": [0.4, 0.5]})
    assert find_score(source, ImportOptions(), recognize(source.table)) == "val_acc"
