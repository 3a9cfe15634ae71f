"""The store of a team: an MLflow server on PostgreSQL, for the studies of several people at once.

The study, the checks and the servers are those of tests/survival.
"""

import time
from contextlib import ExitStack

import pytest
from survival.acts import DONE, ended
from survival.kills import check_site
from survival.postgres import Postgres, why_not
from survival.runs import NAME, PATIENCE
from survival.servers import Server, free_port
from survival.studies import Wholes, make_site
from survival.tables import Runs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not())]
AWAY_TRIALS = 2  # that end in each study while the store is away
AWAY_SECONDS = 8.0  # longer than a tracker's pause between two passes, so that each meets a store that is away


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Wholes(tmp_path_factory.mktemp("undisturbed")).of("function")


@pytest.fixture
def team(tmp_path):
    """A database, and a server on it."""
    with (
        Postgres() as database,
        Server(tmp_path / "server", free_port(), store=database.uri, environment=database.environment) as server,
    ):
        yield database, server


def test_two_studies_lose_nothing_where_server_and_database_go_and_come(tmp_path, team, whole):
    database, server = team
    with ExitStack() as stack:
        sites = [stack.enter_context(_site(tmp_path / name, server)) for name in ("ann", "bob")]
        runs = [stack.enter_context(site.run()) for site in sites]
        _wait_for(runs, 2)
        _without(server.stop, server.start, sites, runs, server.uri)
        _without(lambda: database.stop("immediate"), database.start, sites, runs, server.uri)
        said = [complaint for run in runs for complaint in ended(run, (DONE,), clear=False)]
    assert "503" in (tmp_path / "server" / "log.txt").read_text()  # while there was no database
    stored = _studies(server.uri)
    assert len(stored) == 2
    for site in sites:
        said += check_site(site, whole, store=_own_of(stored, site))
    assert said == []


def test_a_store_that_is_away_at_the_end_gets_all_runs_by_the_same_command(tmp_path, team, whole):
    database, server = team
    with _site(tmp_path / "ann", server) as site:
        with site.run() as run:
            _wait_for([run], 4)
            database.stop("fast")
            said = ended(run, (DONE,), clear=False)
        database.start()
        with site.run() as run:
            said += ended(run, (DONE,), clear=False)
            assert run.seen("trial_began") == []
        said += check_site(site, whole, store=_own_of(_studies(server.uri), site))
    assert said == []


# What they share


def _site(root, server):
    return make_site(root, "function", "--tracking-uri", server.uri)


def _wait_for(runs, trials):
    """Wait until so many more trials of each have ended."""
    before = [len(run.seen("trial_ended")) for run in runs]
    for run, n in zip(runs, before, strict=True):
        assert run.wait_until(lambda run=run, n=n: len(run.seen("trial_ended")) >= n + trials), run.errors()[-1000:]


def _without(go, come, sites, runs, uri):
    """Some trials end while the store is away; the next ones wait until it is back and has what it missed."""
    go()
    _wait_for(runs, AWAY_TRIALS)
    for site in sites:
        (site.root / "hold").touch()
    time.sleep(AWAY_SECONDS)
    come()
    told = sum(len(run.seen("trial_ended")) for run in runs)
    give_up = time.monotonic() + PATIENCE
    while _n_ended(uri) < told:
        assert time.monotonic() < give_up, f"{_n_ended(uri)} of {told} trials are in the store"
        time.sleep(1)
    for site in sites:
        (site.root / "hold").unlink()


def _n_ended(uri):
    """The trials of all studies that the store knows the end of."""
    return sum(run.info.status != "RUNNING" and "trial" in run.data.tags for run in _runs(_client(uri)))


def _studies(uri):
    """The runs of each study in the experiment of both: the folder of its results -> its own run and its trials'."""
    client, studies = _client(uri), {}
    runs = _runs(client)
    for parent in (run for run in runs if run.data.tags["phase"] == "study"):
        own = [run for run in runs if parent.info.run_id in (run.info.run_id, run.data.tags.get("mlflow.parentRunId"))]
        studies[parent.data.tags["folder"]] = Runs(
            runs={run.info.run_id: (run.info.status, run.data.tags) for run in own},
            points={run.info.run_id: _points(client, run.info.run_id) for run in own},
        )
    assert sum(len(one.runs) for one in studies.values()) == len(runs), "a run belongs to no study"
    return studies


def _client(uri):
    from mlflow.tracking import MlflowClient  # seconds, which the fast tests need not pay

    return MlflowClient(uri)


def _runs(client):
    experiment = client.get_experiment_by_name(NAME)
    return client.search_runs([experiment.experiment_id], max_results=1000)


def _points(client, run_id):
    return len({point.step for point in client.get_metric_history(run_id, "val_mae") if point.step > 0})


def _own_of(studies, site):
    (found,) = [runs for folder, runs in studies.items() if str(site.folder) in folder]
    return found
