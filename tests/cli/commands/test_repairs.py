import pytest

from ablate.cli.commands.repairs import (
    Finding,
    problem,
    repair_of_backend,
    repair_of_notice,
    repair_of_training,
)
from ablate.errors import AblateError


def test_a_fact_is_one_line_and_a_problem_has_its_repair_below():
    assert Finding("disk", "all is well").lines() == ["ok    disk          all is well"]
    assert Finding("disk", "full", "rm x").lines() == ["NO    disk          full", "FIX                 rm x"]


def test_the_way_out_that_an_error_names_is_the_repair():
    err = AblateError("a.db: is damaged\n  restore it\n  or choose another")
    assert problem("MLflow", err, otherwise="x") == Finding(
        "MLflow", "a.db: is damaged", "restore it; or choose another"
    )
    assert problem("MLflow", AblateError("a.db: is damaged"), otherwise="x", before="fails: ") == Finding(
        "MLflow", "fails: a.db: is damaged", "x"
    )


@pytest.mark.parametrize(
    ("reason", "repair"),
    [
        ("it did not finish within 60 s", "end other programs that use the processors"),
        ("no space for temporary files: [Errno 28]", "set TMPDIR"),
        ("the worker was killed by SIGKILL", "--workers 1"),
        ("out of memory: 3 GB", "--workers 1"),
        (
            "TypeError: float32, not float16",
            "pip install --force-reinstall tensorflow; KERAS_BACKEND=jax ablate doctor",
        ),
    ],
)
def test_a_training_that_fails_is_repaired_by_its_reason(reason, repair):
    assert repair in repair_of_training(reason, chosen="tensorflow", others=["jax"])


def test_a_backend_is_installed_anew_or_another_is_taken_if_there_is_one():
    assert repair_of_backend("tensorflow", []) == "pip install --force-reinstall tensorflow"
    assert repair_of_backend("jax", ["tensorflow"]).endswith('or set training.backend = "tensorflow" in the study')


def test_what_a_cluster_tells_has_a_repair():
    assert "--mixed" in repair_of_notice("b is unlike the others: keras 3.14")
    assert "RAY_AUTH_MODE=token" in repair_of_notice("this cluster asks for no token: whoever reaches its ports …")
    assert "env_vars" in repair_of_notice("`ray job stop` kills this job 3 seconds after asking it")
    assert "ray status" in repair_of_notice("Ray: something")
