"""Is it honest? How often something false is claimed where nothing differs, and what is found where something does.

    python tests/benchmarks/is_it_honest.py [--only NAME …] [--studies 800] [--reports 40] [--seed 0] [--workers 1]

Nothing differs: every variant is the reference under another name. Each scenario counts the studies in which anything
is claimed; 5 % is to be held within three Monte Carlo standard errors. Beside it stands the share of studies that
claim a planted effect of 1, 1.5 and 2 SD of the paired differences.

- noise: 3 to 20 paired seeds, 1 to 20 contrasts that share the reference's noise, which is normal, skewed
  (exponential, the tail towards worse) or heavy-tailed (Student's t with 3 degrees of freedom); fixed seeds and
  `seeds = "auto"` (looks at 7, 12 and 16 seeds). Besides, the share of contrasts whose 95 % interval holds the truth
  and of studies whose simultaneous intervals all do, at least 95 %, and of contrasts called equivalent though they
  differ by the margin, at most 5 %.
- power: what is found by the rule, and would be by each of its parts alone: max-T, the interval, Holm.
- heteroscedastic: variants whose noise has 1/4 to 5 times the reference's SD; normal, mildly skewed (gamma of shape 4)
  or skewed.
- interaction: what a variant does depends on the seed.
- fresh: the same contrasts preregistered again after each look, with more seeds, or with those that look best.
- folds: equal algorithms on real overlapping folds, read as a table of another tool; repeats within seeds too.
- reports: whole pages, of tables from elsewhere and of studies, and any claim in any section: sentences, verdicts, and
  intervals that leave 0 where no verdict stands; unless the sentence says that it is exploratory or descriptive.
- modes: two learning-rate modes with the same true effects.
- losses: a variant that loses 15 % of its runs and is as good as the reference if these count as guesses; "helps" is
  false in studies with a lost run, and the answer must name the lost runs, in at least 95 %. Studies in which by luck
  none was lost are counted apart: their reports can only say which failure rate the clean runs leave open.

The first five go through `analysis.statistics.judge`, on which every effects table rests; the others through the
importer or a study's folder, and the report. Ends with exit code 1 where a rate is missed. About 10 minutes on one
core; whole reports take half a second to two seconds each.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from honest import folds, judged, losses, reports
from honest.rates import Measured, to_markdown


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is measured, on how many studies: a share of `--studies`, or of `--reports` where pages are built."""

    measure: Callable[..., Iterator[Measured]]
    share: float = 1.0
    builds_pages: bool = False


SCENARIOS = {
    "noise": Scenario(judged.noise),
    "power": Scenario(judged.power, share=0.2),
    "heteroscedastic": Scenario(judged.heteroscedastic),
    "interaction": Scenario(judged.seed_by_variant),
    "fresh": Scenario(judged.fresh),
    "folds": Scenario(folds.folds, share=2.0, builds_pages=True),
    "reports": Scenario(reports.reports, builds_pages=True),
    "modes": Scenario(reports.modes, builds_pages=True),
    "losses": Scenario(losses.losses, builds_pages=True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME")
    parser.add_argument("--studies", type=int, default=800, help="of each case that is judged as an array")
    parser.add_argument("--reports", type=int, default=40, help="of each case that is read from a folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes, a scenario each")
    arguments = parser.parse_args()
    began = time.perf_counter()
    tasks = [(name, arguments) for name in arguments.only]
    if arguments.workers > 1:
        with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
            found = [one for some in pool.map(measured, tasks) for one in some]
    else:
        found = [one for task in tasks for one in measured(task)]
    print(f"\n{to_markdown(found)}")
    missed = [one for one in found if not one.is_held]
    said = f"{len(missed)} of {len(found)} RATES ARE MISSED" if missed else f"all {len(found)} rates are held"
    print(f"\n{said}, by three standard errors; {time.perf_counter() - began:.0f} s")
    return 1 if missed else 0


def measured(task: tuple[str, argparse.Namespace]) -> list[Measured]:
    """Measure a scenario, and print each line as soon as it is known."""
    name, arguments = task
    scenario = SCENARIOS[name]
    studies = int(scenario.share * (arguments.reports if scenario.builds_pages else arguments.studies))
    found, began = [], time.perf_counter()
    for one in scenario.measure(studies, seed=arguments.seed):
        found.append(one)
        print(one, flush=True)
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
