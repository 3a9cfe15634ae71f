"""Does it refuse what is bad, and only in plain words? Counts over examples that hypothesis draws, door by door.

`python tests/benchmarks/does_it_refuse.py [--share 1.0] [--only tables] [--keep FOLDER]`

10,000 study files, overrides, names, tables and edited studies, and 16,000 archives, tables, functions and folders of
images that hold examples, opened and split as a study does it. Each example is accepted, refused with a message of at
most five lines that names the place and holds no control characters, or a defect: any other exception, a file outside
of the folder, a split that breaks a rule, an element in the page that a name brought in. A defect is printed with its
example; the exit code is 1 where there is one.

And 5,000 tables of runs as 18 kinds of export write them, with a truth that is known: there a sentence that is not so
is a defect, a loss that is not counted or not said, a row that is dropped silently. `--keep` writes the smallest
example of each.
"""

import argparse
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from bad_archives import ARCHIVES
from bad_examples import EXAMPLE_TABLES, FUNCTIONS, IMAGE_FOLDERS
from bad_folders import base_folder, folders
from bad_studies import NAMES, OVERRIDES, STUDY_FILES
from bad_tables import REPORTED_TABLES, TABLES
from doors import Defect, Door, tried
from export_tally import EXAMPLES, tried_exports
from hypothesis import HealthCheck, Phase, given, seed, settings

MOST_SHOWN = 20  # defects of a door, each of another kind


@dataclass
class Tally:
    """What the examples of one door came to."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    defects: dict[str, str] = field(default_factory=dict)  # kind -> the first example of it

    def add(self, door: Door, example: object) -> None:
        """Try one more."""
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                answer = tried(door, example, Path(folder))
            except Defect as err:
                answer = "defect"
                self.defects.setdefault(_kind(err), f"{err}\n{_trace(err)}\n{str(example)[:1500]}")
        seconds = time.perf_counter() - begun
        self.counts[answer] += 1
        self.seconds += seconds
        self.slowest = max(self.slowest, (seconds, str(example)[:100]))


def measured(door: Door, *, examples: int, start: int) -> Tally:
    """Draw so many examples and try them."""
    tally = Tally()

    @seed(start)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(door.examples)
    def every(example: object) -> None:
        tally.add(door, example)

    every()
    return tally


def _kind(err: Defect) -> str:
    """Where a defect came from, so that one is told once."""
    frames = traceback.extract_tb(err.__cause__.__traceback__) if err.__cause__ else []
    own = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if "/ablate/" in frame.filename]
    return own[-1] if own else str(err)[:60]


def _trace(err: Defect) -> str:
    cause = err.__cause__
    return "".join(traceback.format_exception(cause)[-6:]) if cause else ""


def main() -> int:
    """Measure and print a line a door."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the examples")
    parser.add_argument("--only", default="", help="doors whose name has this in it")
    parser.add_argument("--keep", type=Path, help="write the smallest defective exports into this folder")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    found = 0
    with tempfile.TemporaryDirectory() as scratch:
        base = base_folder(Path(scratch) / "study")
        doors = {
            "study files": (STUDY_FILES, 3_000), "overrides": (OVERRIDES, 2_000), "names": (NAMES, 2_000),
            "tables": (TABLES, 2_000), "tables to the page": (REPORTED_TABLES, 100),
            "edited studies": (folders(base), 800),
            "edited studies to the page": (folders(base, report=True), 100),
            "archives": (ARCHIVES, 10_000), "example tables": (EXAMPLE_TABLES, 2_000), "functions": (FUNCTIONS, 2_000),
            "image folders": (IMAGE_FOLDERS, 2_000),
        }  # fmt: skip
        print(
            f"seed {options.seed}\n{'':<28}{'examples':>9}{'accepted':>9}{'refused':>9}{'defects':>9}{'s':>7}  slowest"
        )
        for name, (door, examples) in doors.items():
            if options.only in name:
                tally = measured(door, examples=max(1, round(examples * options.share)), start=options.seed)
                found += len(tally.defects)
                _show(name, tally)
    if options.only in "exports":
        found += _try_exports(max(1, round(EXAMPLES * options.share)), start=options.seed, keep=options.keep)
    return 1 if found else 0


def _try_exports(examples: int, *, start: int, keep: Path | None) -> int:
    """How many kinds of defects there were."""
    tally = tried_exports(examples, start=start)
    print(tally)
    for kind, (_, example, _) in tally.smallest.items() if keep else ():
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{re.sub('[^a-z]+', '_', kind.lower())}.csv").write_bytes(example.content)
    return len(tally.defects) + tally.is_alarmed_too_often


def _show(name: str, tally: Tally) -> None:
    numbers = [tally.counts.total(), *(tally.counts[word] for word in ("accepted", "refused", "defect"))]
    slow, example = tally.slowest
    print(f"{name:<28}{''.join(f'{n:>9,}' for n in numbers)}{tally.seconds:>7.0f}  {slow:.2f} s {ascii(example)[:60]}")
    for kind, told in list(tally.defects.items())[:MOST_SHOWN]:
        print(f"--- {kind}: {told}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
