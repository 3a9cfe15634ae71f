"""Does it survive? Random `kill -9` in every phase of small studies, each then resumed; and faults of disks and models.

    python tests/benchmarks/does_it_survive.py [--kills 100] [--seed 0] [--first 0] [--keep DIR]
        [--faults [NAME …]]

A study of all parts (a search with pruning, rates found and tuned, one factor at a time, paths; two workers) is run
once undisturbed. Then it is begun anew and killed, again and again: a blow is meant for one of the next three phases
that are left, twice for each at most, at a random moment of the time that the phase took undisturbed; it hits the
parent, one worker, or all processes. The same command follows at once, until the study is done; the next study follows,
until all kills are done. Every fifth study uses the cache of trials; in the others every trial is trained.

Of each study that is done: results.csv, epochs.csv and effects.csv equal the undisturbed ones text for text, but for
seconds, run ids and attempts; MLflow has one closed run an attempt and one of them with the trial's result and whole
curve, and nothing is RUNNING in it or in Optuna's file; no process is left, and no file written aside. What is not so
is printed, all folders are kept (in `--keep`, else a temporary one), and the exit code is 1. The times of a kill
depend on the machine; `--seed` and `--first`, the number of a study, draw the same blows again.

"Until it trains again" counts from the command to the first trial that a worker takes, over all runs that resumed.

`--faults` puts in those of tests/survival/faults.py too, or the ones named.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survival.acts import Fault, NotHereError
from survival.faults import FAULTS
from survival.kills import Blow, Life, Whom, check_life, live, said_by_phase
from survival.phases import Whole
from survival.studies import Wholes, make_site
from what_does_a_seed_cost import about_machine

WHOM: tuple[Whom, ...] = ("parent", "worker", "all")
CACHED = ("--workers", "2", "--stack", "1")
EVERY = 5  # of so many studies, one uses the cache
TIMES = 2  # a study is killed in one phase, at most
AHEAD = 3  # of the phases that are left, the next blow is meant for one of the first so many
MOST_SHOWN = 12  # complaints of one study


def main() -> None:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every process that was started is ended
    # Whatever started this in the background may ignore these, and a study leaves what is ignored ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    root = arguments.keep or Path(tempfile.mkdtemp(prefix="survive-"))
    root.mkdir(parents=True, exist_ok=True)
    wholes, n_bad = Wholes(root), 0
    print(f"{about_machine()}; {date.today().isoformat()}; folders in {root}", flush=True)
    if arguments.faults is not None:
        n_bad += put_in(root, wholes, arguments.faults)
    if arguments.kills:
        n_bad += kill_studies(root, wholes.of("everything"), arguments)
    if not n_bad and not arguments.keep:
        shutil.rmtree(root)
    raise SystemExit(1 if n_bad else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="0: none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first study")
    parser.add_argument("--keep", type=Path, help="folder of all studies")
    known = [fault.__name__ for fault in FAULTS]
    parser.add_argument("--faults", nargs="*", choices=known, metavar="NAME", help=", ".join(known))
    return parser.parse_args()


# Kills


def kill_studies(root: Path, whole: Whole, arguments: argparse.Namespace) -> int:
    """Kill, resume, compare; how many studies were not as they must be."""
    took = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in whole.seconds.items())
    print(f"undisturbed: {len(whole.results)} trials; seconds: {took}", flush=True)
    lives: list[Life] = []
    n_bad, number, began = 0, arguments.first, time.monotonic()
    while (left := arguments.kills - sum(len(life.kills) for life in lives)) > 0:
        life, said = kill_one(root / f"study-{number}", whole, left, seed=f"{arguments.seed}/{number}", number=number)
        lives.append(life)
        n_bad += bool(said)
        print(f"study {number}: {len(life.kills)} kills, {'as undisturbed' if not said else 'NOT as undisturbed'}")
        for line in said[:MOST_SHOWN]:
            print(f"    {line}")
        if said:
            print(f"    … of {len(said)}; again: --seed {arguments.seed} --first {number} --kills {len(life.kills)}")
            print("    " + "\n    ".join(map(str, life.kills)))
        sys.stdout.flush()
        number += 1
    report(lives, whole, n_bad=n_bad, minutes=(time.monotonic() - began) / 60)
    return n_bad


def kill_one(root: Path, whole: Whole, most: int, *, seed: str, number: int) -> tuple[Life, list[str]]:
    """One study, killed at most so often; and what is not as it must be."""
    rng, cached = random.Random(seed), number % EVERY == EVERY - 1
    meant: Counter[str] = Counter()

    def draw(left: Sequence[str]) -> Blow | None:
        near = [phase for phase in left if meant[phase] < TIMES][:AHEAD]
        if not near or meant.total() >= most:
            return None
        phase = rng.choice(near)
        meant[phase] += 1
        return Blow(phase, rng.uniform(0, whole.seconds[phase]), rng.choice(WHOM))

    with make_site(root, "everything", **({"safe": CACHED} if cached else {})) as site:
        life = live(site, whole, draw, rng=rng)
        return life, check_life(site, whole, life, without=("same_as",) if cached else ())


def report(lives: Sequence[Life], whole: Whole, *, n_bad: int, minutes: float) -> None:
    n_kills = sum(len(life.kills) for life in lives)
    print(f"\n{n_kills} kills of {len(lives)} studies in {minutes:.0f} min; {n_bad} studies not as undisturbed")
    print("\n".join(said_by_phase(lives, whole.phases())))
    again = sorted(seconds for life in lives for seconds in life.resumes)
    if again:
        n, middle = len(again), median(again)
        print(f"until it trains again: median {middle:.1f} s [{again[0]:.1f}, {again[-1]:.1f}], n = {n}")


# Faults


def put_in(root: Path, wholes: Wholes, names: Sequence[str]) -> int:
    """Put in each fault, or those named; how many were not survived."""
    n_bad = 0
    for fault in FAULTS:
        if names and fault.__name__ not in names:
            continue
        began = time.monotonic()
        state, said = put_in_one(root, wholes, fault)
        n_bad += state == "NOT SURVIVED"
        print(f"{fault.__name__:<26} {state}  {time.monotonic() - began:.0f} s", flush=True)
        for line in said[:MOST_SHOWN]:
            print(f"    {line}")
        if len(said) > MOST_SHOWN:
            print(f"    … of {len(said)}")
    return n_bad


def put_in_one(root: Path, wholes: Wholes, fault: Fault) -> tuple[str, list[str]]:
    try:
        said = fault(root / fault.__name__, wholes)
    except NotHereError as err:
        return "not possible here", [str(err)]
    except AssertionError as err:
        return "NOT SURVIVED", [str(err)]
    return ("NOT SURVIVED" if said else "survived"), said


if __name__ == "__main__":
    main()
