"""A study's process whose workers hang: it names them, and waits to be killed. `python orphans.py FOLDER TRIAL`."""

import sys
import threading
from pathlib import Path

from pretend import Listed, pretend, spec

from ablate.study.load import load_study
from ablate.workers.messages import WorkerTask
from ablate.workers.pool import LocalScheduler


def main() -> None:
    folder = Path(sys.argv[1])
    study = load_study(folder / "tiny.toml", overrides=[], quick=False)
    task = WorkerTask(study, folder, cache=None, threads=1, log=folder / "worker")
    with LocalScheduler(task, workers=2, stop=threading.Event(), on_start=print_workers, serve=pretend) as local:
        LOCALS.append(local)
        local.run(Listed([spec(sys.argv[2])]))


def print_workers(_: object) -> None:
    print(*(worker.pid for worker in LOCALS[0].workers), flush=True)


LOCALS: list[LocalScheduler] = []

if __name__ == "__main__":
    main()
