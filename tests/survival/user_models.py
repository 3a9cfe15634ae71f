"""Models of users that go wrong, each at one level of a factor; see models/faulty.py."""

import re
from collections.abc import Collection
from pathlib import Path

from survival.acts import DONE, UNFINISHED, ended
from survival.studies import Wholes, make_site
from survival.tables import PLACE_AND_TIME, check_runs, compare, read_table, runs_in_file

MOST_LOGGED = 64 * 2**20  # bytes: what 30 MB on each stream of a trial may leave behind
BAD = {  # level -> the state of its trials, and what their reason must speak of
    "raises": (("failed",), "does not like this"),
    "exits": (("failed",), "[Ee]xit"),
    "leaves": (("failed", "killed"), r"exit code 4|\b4\b"),
    "segfaults": (("failed", "killed"), r"-?11|SIGSEGV|[Ss]egmentation"),
    "hangs": (("failed", "killed"), "minute|hang|silent|limit"),
    "eats": (("out_of_memory",), "memory|GB"),
}


def user_models(root: Path, wholes: Wholes) -> list[str]:
    """A model that raises, exits, dies, hangs, prints megabytes or eats memory costs its own trials alone."""
    with make_site(root, "faulty") as site:
        with site.run() as run:
            said = ended(run, (DONE,), clear=False)
        whole = wholes.of("faulty")
        found, wanted = read_table(site.folder / "results.csv"), dict(whole.results)
        for trial, row in found.items():
            kind = row["fault"]
            if kind in BAD:
                del wanted[trial]
                said += _bad_cell(row, *BAD[kind])
        well = {trial: row for trial, row in found.items() if row["fault"] not in BAD}
        said += compare(well, wanted, what="results.csv", without=PLACE_AND_TIME)
        said += check_runs(runs_in_file(site.store), found, read_table(site.folder / "epochs.csv"))
        logs = sum(path.stat().st_size for path in site.folder.glob("*.log"))
        return [*said, f"{logs:,} bytes of logs"] if logs > MOST_LOGGED else said


def same_failures(root: Path, wholes: Wholes) -> list[str]:
    """A study whose trials all fail alike stops early and says why."""
    del wholes
    bad = ", ".join(f'"raises {n}"' for n in range(1, 7))
    options = (f'space.fault=["none", {bad}]', "ablation.seeds=4", "limits.same_failures=4")
    with make_site(root, "faulty", *(part for option in options for part in ("--set", option))) as site:
        with site.run() as run:
            said = ended(run, (UNFINISHED,), clear=False)
            shown = run.errors() + "".join(map(str, run.events[-3:]))
        if "does not like this" not in shown:
            said.append(f"it does not say why it stopped: {shown[-500:]}")
        states = [row["state"] for row in read_table(site.folder / "results.csv").values()]
        return said if 4 <= states.count("failed") <= 8 else [*said, f"it stopped after {states}"]


def _bad_cell(row: dict[str, str], states: Collection[str], reason: str) -> list[str]:
    said = [] if row["state"] in states else [f"{row['trial']} is {row['state']}, not {' or '.join(states)}"]
    if not re.search(reason, row["reason"]):
        said.append(f"{row['trial']}: its reason does not say {reason}: {row['reason']!r}")
    return said if row["score"] == "" else [*said, f"{row['trial']}: has a score"]
