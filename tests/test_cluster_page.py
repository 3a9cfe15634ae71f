"""docs/cluster.md and the files beside it, checked as far as can be without SLURM, Kubernetes and a cloud."""

import ast
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cluster.md"
FILES = ROOT / "docs" / "cluster"
SBATCH = FILES / "study.sbatch"
TEXT = PAGE.read_text()
RAY = (
    "start", "stop", "status", "symmetric-run", "get-auth-token", "up", "down", "dashboard", "job submit", "rsync-down",
)  # fmt: skip


def blocks(language):
    """The code blocks of a language on the page, without the indentation of their list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in code.splitlines()) + "\n" for indent, code in found]


def commands(program):
    """The words after `program` wherever it is called: on the page, in the scripts, in the files of both clusters."""
    cluster, job, _ = cluster_files()
    starts = cluster["head_start_ray_commands"] + cluster["worker_start_ray_commands"]
    texts = [*blocks("sh"), SBATCH.read_text(), *starts, job["spec"]["entrypoint"]]
    lines = [line for text in texts for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    calls = [call for line in lines for call in re.findall(rf"(?<![\w./-]){program} ([^;&|']*)", line)]
    return [shlex.split(call.replace('"', ""), comments=True) for call in calls]


def cluster_files():
    """`ray up`'s settings, the RayJob, and its volume."""
    cluster = yaml.safe_load((FILES / "cluster.yaml").read_text())
    return cluster, *yaml.safe_load_all((FILES / "rayjob.yaml").read_text())


# The page


def test_the_page_names_each_file_beside_it_and_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert {path.name for path in FILES.iterdir()} <= {link.removeprefix("cluster/") for link in links}
    headings = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", TEXT, re.M)}
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings, link
        elif not link.startswith("https://"):
            assert (PAGE.parent / link).exists(), link
    assert "docs/cluster.md" in (ROOT / "README.md").read_text()


def test_its_shell_and_python_compile_and_its_settings_parse():
    for code in blocks("sh"):
        subprocess.run(["bash", "-n"], input=code, text=True, check=True)
    for code in blocks("python"):
        ast.parse(code)
    assert [table for code in blocks("toml") for table in tomllib.loads(code)] == ["search", "ablation"]


def test_the_options_of_ablate_that_it_names_exist():
    import typer

    from ablate.cli.main import app

    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in typer.main.get_command(app).commands.items()
    }
    used = {(call[0], word.partition("=")[0]) for call in commands("ablate") for word in call if word.startswith("--")}
    listed = {("study", name) for name in re.findall(r"^- `(--\w+)", TEXT, re.MULTILINE)}
    assert {name for _, name in listed} == {"--threads", "--workers", "--mixed"}
    assert {("study", "--cluster"), ("study", "--out"), ("study", "--tracking-uri"), ("doctor", "--cluster")} <= used
    for command, option in used | listed:
        assert option in known[command], (command, option)


def test_it_calls_the_python_interface_as_it_is():
    import inspect

    from ablate import Study

    calls = [node for code in blocks("python") for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    (run,) = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "run"]
    assert {keyword.arg for keyword in run.keywords} <= inspect.signature(Study.run).parameters.keys()


def test_each_way_to_start_a_cluster_has_a_token():
    cluster, job, _ = cluster_files()
    assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    assert "~/.ray/auth_token" in cluster["file_mounts"]
    for start in (cluster["head_start_ray_commands"][-1], cluster["worker_start_ray_commands"][-1]):
        assert "RAY_AUTH_MODE=token ray start" in start
        assert "chmod 600 ~/.ray/auth_token" in start
    for code in [*blocks("sh"), SBATCH.read_text()]:
        if "get-auth-token" in code:  # the file is readable for all unless the mask says otherwise
            assert code.index("umask 077") < code.index("get-auth-token")
        if "ray start --head" in code or "ray symmetric-run" in code:
            assert "RAY_AUTH_MODE=token" in code


# SLURM


def test_the_script_for_slurm_is_clean():
    subprocess.run(["bash", "-n", SBATCH], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", SBATCH], check=True)


def test_the_script_for_slurm_starts_the_study_on_all_its_nodes(tmp_path):
    recorded = _run_script(tmp_path, "studies/mine.toml", "--set", "training.epochs=5")
    command, _, entrypoint = " ".join(recorded["argv"]).partition(" -- ")
    assert command == (
        "--nodes=4 --ntasks-per-node=1 --cpus-per-task=32 ray symmetric-run --address 10.0.0.5:6379 --min-nodes 4 "
        "--num-cpus=32 --include-dashboard=false --disable-usage-stats"
    )
    assert entrypoint == "ablate study studies/mine.toml --cluster auto --out reports --set training.epochs=5"
    assert recorded["RAY_AUTH_MODE"] == "token"
    assert int(recorded["RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT"]) > 30
    token = tmp_path / ".ray" / "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_the_script_for_slurm_keeps_a_token_that_is_there(tmp_path):
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("mine")
    _run_script(tmp_path, "studies/mine.toml")
    assert token.read_text() == "mine"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def _run_script(home, *arguments):
    """What `srun` gets of the script, with programs in the place of SLURM's and Ray's."""
    programs = home / "ablate" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
    kept = "('RAY_AUTH_MODE', 'RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT')"
    bodies = {
        "ray": "#!/bin/sh\nmkdir -p ~/.ray; echo token > ~/.ray/auth_token; chmod 644 ~/.ray/auth_token\n",
        "hostname": "#!/bin/sh\necho 10.0.0.5 192.168.0.5\n",
        "srun": f"#!{sys.executable}\nimport json, os, sys\n"
        f"print(json.dumps({{'argv': sys.argv[1:]}} | {{name: os.environ[name] for name in {kept}}}))\n",
    }
    for name, body in bodies.items():
        (programs / name).write_text(body)
        (programs / name).chmod(0o755)
    slurm = {"SLURM_JOB_NUM_NODES": "4", "SLURM_CPUS_PER_TASK": "32", "HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", SBATCH, *arguments], env=slurm, capture_output=True, text=True, check=True, cwd=home)
    return json.loads(done.stdout)


# Kubernetes


def test_the_ray_job_is_one_that_kuberay_knows():
    _, job, volume = cluster_files()
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert (volume["apiVersion"], volume["kind"]) == ("v1", "PersistentVolumeClaim")
    # Of KubeRay 1.6's RayJobSpec, RayClusterSpec, HeadGroupSpec and WorkerGroupSpec, as far as used.
    assert job["spec"].keys() <= {
        "entrypoint", "runtimeEnvYAML", "submissionMode", "backoffLimit", "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished", "rayClusterSpec",
    }  # fmt: skip
    ray = job["spec"]["rayClusterSpec"]
    assert ray.keys() <= {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
    assert ray["headGroupSpec"].keys() == {"rayStartParams", "template"}
    (group,) = ray["workerGroupSpecs"]  # of one machine type
    assert group.keys() == {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"]) == {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "60"}}
    assert all(isinstance(v, str) for part in (ray["headGroupSpec"], group) for v in part["rayStartParams"].values())


def test_its_pods_are_guaranteed_their_processors_and_share_the_results():
    _, job, volume = cluster_files()
    ray = job["spec"]["rayClusterSpec"]
    images = set()
    for part in (ray["headGroupSpec"], *ray["workerGroupSpecs"]):
        pod = part["template"]["spec"]
        (container,) = pod["containers"]
        images.add(container["image"])
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert container["resources"]["limits"]["cpu"].isdecimal()  # whole ones
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/shared"]
        claims = [one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"]]
        assert claims == [volume["metadata"]["name"]]
    assert len(images) == 1
    assert "--out /shared/" in job["spec"]["entrypoint"]
    assert "sqlite:" not in job["spec"]["entrypoint"]


# A cloud


def test_the_machines_of_ray_up_are_as_ray_wants_them():
    cluster, _, _ = cluster_files()
    head, spot = (cluster["available_node_types"][name] for name in ("head", "spot"))
    assert cluster["head_node_type"] == "head"
    assert "InstanceMarketOptions" not in head["node_config"]
    assert spot["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert spot["min_workers"] == spot["max_workers"] == cluster["max_workers"]
    if find_spec("ray") is None or find_spec("jsonschema") is None:
        pytest.skip("Ray, which has the schema, is not installed")
    import jsonschema
    import ray

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)


def test_all_files_have_one_release_of_ray_and_one_image():
    cluster, job, _ = cluster_files()
    docker = (FILES / "Dockerfile").read_text()
    version = job["spec"]["rayClusterSpec"]["rayVersion"]
    texts = docker + TEXT + (FILES / "cluster.yaml").read_text()
    assert set(re.findall(r"ray\[default\]==([\d.]+)", texts)) == {version}
    containers = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert cluster["docker"]["image"] == containers[0]["image"]
    assert f"-t {cluster['docker']['image']}" in docker
    assert f"ray=={version}" in (ROOT / ".ci" / "constraints.txt").read_text()


# Ray


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("command", RAY)
def test_the_commands_and_options_of_ray_exist(command):
    words = command.split()
    used = {
        word.partition("=")[0]
        for call in commands("ray")
        if call[: len(words)] == words
        for word in call[: call.index("--") if "--" in call else None]
        if word.startswith("--")
    }
    if command == "symmetric-run":  # it passes on what it does not know
        used -= {"--num-cpus", "--include-dashboard", "--disable-usage-stats"}
    known = _help_of(command)
    assert used <= set(re.findall(r"--[\w-]+", known)), command


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_what_symmetric_run_passes_on_is_known_to_start():
    (call,) = [call for call in commands("ray") if call[0] == "symmetric-run"]
    passed = {word.partition("=")[0] for word in call[: call.index("--")] if word.startswith("--")}
    assert passed - {"--address", "--min-nodes"} <= set(re.findall(r"--[\w-]+", _help_of("start")))


def test_every_command_of_ray_on_the_page_is_checked():
    for call in commands("ray"):
        assert any(call[: len(command.split())] == command.split() for command in RAY), call


def _help_of(command):
    done = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", *command.split(), "--help"],
        capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    return done.stdout
