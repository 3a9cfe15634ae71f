"""What does it say? What `ablate analyze` tells about tables that invite a wrong sentence.

    python tests/benchmarks/what_does_it_say.py [TABLE ...] [--whole]

Each nasty table of tests/analysis/imports/nasty_tables.py is written and read, and its report is built. Printed: the
truth behind it, the refusal or the answer at the head of the page, every other claim of the page, and what is wrong
with it. With `--whole`, every sentence and row of the page. Ends with exit code 1 where something is wrong.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis" / "imports"))

from nasty_reports import Said, faults, reported
from nasty_tables import NASTY


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    chosen = [table for table in NASTY if table.name in arguments.tables or not arguments.tables]
    n_wrong = 0
    for table in chosen:
        with tempfile.TemporaryDirectory() as folder:
            said = reported(table, Path(folder))
        wrong = faults(table, said)
        n_wrong += bool(wrong)
        print(f"\n{'WRONG' if wrong else 'right'}  {table.name}: {table.truth}")
        for line in said.text.splitlines() if arguments.whole and not said.refusal else told(said):
            print(f"       {line}")
        for line in wrong:
            print(f"   !   {line}")
    print(f"\n{len(chosen)} tables, {n_wrong} of them with something wrong")
    return 1 if n_wrong else 0


def told(said: Said) -> list[str]:
    """The refusal; or the answer, and the claims of the other sections."""
    if said.refusal:
        return [f"refused: {' '.join(said.refusal.split())}"]
    return [*said.head, *(str(claim) for claim in said.claims if claim.section != "answer")]


if __name__ == "__main__":
    sys.exit(main())
