"""Open the cluster that a command asks for; Ray is imported only then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.study.settings import StudySettings
from ablate.workers.cluster.address import ClusterRequest, check_cluster, check_unused, cluster_request

if TYPE_CHECKING:
    from ablate.workers.cluster.cluster import Cluster


def read_request(
    address: str | None, *, out: Path, threads: int | None, workers: int | None, mixed: bool = False
) -> ClusterRequest | None:
    """The cluster that options or arguments ask for; None for this machine. `out` is the folder of results.

    Raises `AblateError` for what cannot work, and for options that mean nothing without a cluster.
    """
    if address is None:
        check_unused(threads=threads, mixed=mixed)
    else:
        check_cluster(address, out=out)
    return cluster_request(address, threads=threads, workers=workers, mixed=mixed)


@contextmanager
def asked_cluster(
    request: ClusterRequest | None,
    study: StudySettings,
    *,
    device: str,
    on_notice: Callable[[str], None],
    patience: float | None = None,
) -> Iterator["Cluster | None"]:
    """The cluster until the end of the block, with a machine that may train the study; None if none is asked for.

    `device` and `patience` as in `open_cluster`. Raises `AblateError` if there is no such cluster.
    """
    if request is None:
        yield None
        return
    from ablate.workers.cluster.cluster import open_cluster

    with open_cluster(request, study, device=device, on_notice=on_notice, patience=patience) as cluster:
        yield cluster
