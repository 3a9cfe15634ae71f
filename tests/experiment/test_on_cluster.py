import sys
from contextlib import contextmanager

import pytest

from ablate.errors import AblateError
from ablate.experiment.on_cluster import asked_cluster, read_request
from ablate.workers.cluster.address import ClusterRequest


def test_a_request_has_one_processor_a_worker_unless_more_are_asked_for():
    assert read_request("auto", threads=None, workers=None) == ClusterRequest("auto", threads=1)
    asked = read_request("10.0.0.5:6379", threads=4, workers=8, mixed=True)
    assert asked == ClusterRequest("10.0.0.5:6379", threads=4, most=8, mixed=True)
    assert read_request(None, threads=None, workers=8) is None


@pytest.mark.parametrize(("option", "given"), [("--threads", {"threads": 2}), ("--mixed", {"mixed": True})])
def test_options_of_a_cluster_are_refused_without_one(option, given):
    with pytest.raises(AblateError, match=rf"^{option}: only with --cluster\n  on one machine, --workers"):
        read_request(None, **{"threads": None, "workers": None, **given})


def test_where_no_cluster_is_asked_for_ray_stays_away(tiny_study, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with asked_cluster(None, tiny_study, out=tmp_path, device="", on_notice=print) as cluster:
        assert cluster is None


def test_a_cluster_is_opened_for_the_study_and_what_cannot_serve_is_refused_before(tiny_study, tmp_path, monkeypatch):
    opened = []

    @contextmanager
    def opening(request, study, **options):
        opened.append((request, study.name, options["device"], options["patience"]))
        yield "a cluster"

    module = pytest.importorskip("ablate.workers.cluster.cluster")
    monkeypatch.setattr(module, "open_cluster", opening)
    request = ClusterRequest("auto", threads=2)
    with asked_cluster(request, tiny_study, out=tmp_path, device="CPU A", on_notice=print, patience=3.0) as cluster:
        assert cluster == "a cluster"
    assert opened == [(request, "tiny", "CPU A", 3.0)]
    client = asked_cluster(ClusterRequest("ray://a:1"), tiny_study, out=tmp_path, device="", on_notice=print)
    with pytest.raises(AblateError, match="ray job submit"), client:
        pass
    assert len(opened) == 1
