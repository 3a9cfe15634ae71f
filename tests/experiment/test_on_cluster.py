import sys
from contextlib import contextmanager

import pytest

from ablate.errors import AblateError
from ablate.experiment.on_cluster import asked_cluster, read_request
from ablate.workers.cluster.address import ClusterRequest


def test_a_request_has_one_processor_a_worker_unless_more_are_asked_for(tmp_path):
    assert read_request("auto", out=tmp_path, threads=None, workers=None) == ClusterRequest("auto", threads=1)
    asked = read_request("10.0.0.5:6379", out=tmp_path, threads=4, workers=8, mixed=True)
    assert asked == ClusterRequest("10.0.0.5:6379", threads=4, most=8, mixed=True)
    assert read_request(None, out=tmp_path, threads=None, workers=8) is None


@pytest.mark.parametrize(("option", "given"), [("--threads", {"threads": 2}), ("--mixed", {"mixed": True})])
def test_options_of_a_cluster_are_refused_without_one(option, given, tmp_path):
    with pytest.raises(AblateError, match=rf"^{option}: only with --cluster\n  on one machine, --workers"):
        read_request(None, out=tmp_path, **{"threads": None, "workers": None, **given})


def test_where_no_cluster_is_asked_for_ray_stays_away(tiny_study, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with asked_cluster(None, tiny_study, device="", on_notice=print) as cluster:
        assert cluster is None


def test_a_cluster_is_opened_for_the_study(tiny_study, monkeypatch):
    opened = []

    @contextmanager
    def opening(request, study, **options):
        opened.append((request, study.name, options["device"], options["patience"]))
        yield "a cluster"

    module = pytest.importorskip("ablate.workers.cluster.cluster")
    monkeypatch.setattr(module, "open_cluster", opening)
    request = ClusterRequest("auto", threads=2)
    with asked_cluster(request, tiny_study, device="CPU A", on_notice=print, patience=3.0) as cluster:
        assert cluster == "a cluster"
    assert opened == [(request, "tiny", "CPU A", 3.0)]


def test_what_cannot_serve_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(AblateError, match="ray job submit"):
        read_request("ray://a:1", out=tmp_path, threads=None, workers=None)
