from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from ablate.errors import AblateError
from ablate.workers.cluster import address as module
from ablate.workers.cluster.address import JOB, ClusterRequest, cautions_of, check_cluster, cluster_request

OUT = Path("reports")


@pytest.fixture(autouse=True)
def installed(monkeypatch) -> dict[str, str]:
    """The versions of what is installed; nothing else is."""
    versions = {"ray": "2.60.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(module, "version", version)
    monkeypatch.setattr(module, "find_spec", versions.get)
    return versions


def test_a_worker_has_one_thread_unless_more_are_asked_for():
    assert cluster_request(None, threads=None, mixed=False, workers=4) is None
    assert cluster_request("auto", threads=None, mixed=False, workers=None) == ClusterRequest("auto")
    asked = cluster_request("10.0.0.5:6379", threads=4, mixed=True, workers=9)
    assert asked == ClusterRequest("10.0.0.5:6379", threads=4, most=9, mixed=True)


@pytest.mark.parametrize("address", ["auto", "10.0.0.5:6379", "head.example:1", "[::1]:6379"])
def test_an_address_is_auto_or_host_and_port(address):
    check_cluster(address, out=OUT, environ={})


@pytest.mark.parametrize(
    "address", ["", "head", "head:", ":6379", "head:0", "head:65536", "head:six", "http://head:8265", "Auto"]
)
def test_another_address_is_refused_with_an_example(address):
    with pytest.raises(AblateError, match=r"must be auto or HOST:PORT, as in --cluster 10\.0\.0\.5:6379$"):
        check_cluster(address, out=OUT, environ={})


def test_rays_client_is_refused_with_the_way_out():
    with pytest.raises(AblateError, match=r"^--cluster ray://head:10001: Ray's client .*\n.*--cluster auto.*ray job"):
        check_cluster("ray://head:10001", out=OUT, environ={})


def test_where_ray_is_missing_the_extra_is_named(installed):
    installed.clear()
    with pytest.raises(AblateError, match=r'not installed\n  install it with: pip install "ablate-keras\[cluster\]"$'):
        check_cluster("auto", out=OUT, environ={})


@pytest.mark.parametrize("version", ["2.60.0rc1", "2.61", "3.0"])
def test_a_newer_ray_is_used(installed, version):
    installed["ray"] = version
    check_cluster("auto", out=OUT, environ={})


@pytest.mark.parametrize("version", ["2.59.9", "1.99"])
def test_an_old_ray_is_refused(installed, version):
    installed["ray"] = version
    with pytest.raises(AblateError, match=rf"ray {version} is older than 2\.60\n  install"):
        check_cluster("auto", out=OUT, environ={})


def test_results_do_not_go_into_a_jobs_copy_of_its_files(tmp_path, monkeypatch):
    copy = tmp_path / "runtime_resources" / "working_dir_files" / "_ray_pkg_1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    check_cluster("auto", out=OUT, environ={})  # a folder of that name, but no job
    check_cluster("auto", out=tmp_path, environ={JOB: "{}"})
    with pytest.raises(AblateError, match=r"^--out reports: .* deletes with the job\n.*--out /shared/reports$"):
        check_cluster("auto", out=OUT, environ={JOB: "{}"})


@pytest.mark.parametrize("address", ["10.0.0.5:6379", "head.example:6379", "auto"])
def test_a_cluster_that_others_reach_should_ask_for_a_token(address):
    environ = {"RAY_ADDRESS": "head.example:6379"}
    [said] = cautions_of(address, environ=environ)
    assert said.startswith("this cluster asks for no token: whoever reaches its ports runs code")
    assert list(cautions_of(address, environ={**environ, "RAY_AUTH_MODE": "token"})) == []


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:6379", "localhost:6379", "[::1]:6379"])
def test_a_cluster_of_this_machine_needs_none(address):
    assert list(cautions_of(address, environ={})) == []
    assert list(cautions_of("auto", environ={"RAY_ADDRESS": address})) == []


@pytest.mark.parametrize(("seconds", "is_enough"), [("", False), ("3", False), ("soon", False), ("60", True)])
def test_a_job_needs_time_to_stop(seconds, is_enough):
    said = list(cautions_of("auto", environ={JOB: "{}", "RAY_JOB_STOP_WAIT_TIME_S": seconds}))
    assert said == [] if is_enough else "set RAY_JOB_STOP_WAIT_TIME_S=60" in said[0]
