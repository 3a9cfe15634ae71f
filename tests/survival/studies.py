"""The studies that are killed and disturbed, and what they come to where nothing happens to them, each found once."""

import shutil
from pathlib import Path
from typing import final

from survival.phases import Whole, undisturbed
from survival.runs import Site

MODELS = Path(__file__).parent / "models"
SAFE = ("--workers", "2", "--stack", "1", "--no-cache")  # the same numbers to the bit, and every trial trained
SMALL = (
    "--set", "search.trials=4", "--set", 'ablation.design="one-factor"', "--set", 'ablation.learning_rate="find"',
    "--set", "ablation.seeds=3",
)  # fmt: skip
UNARMED = ("--set", "model.armed=false")
STUDIES = {
    "everything": ("everything.toml", ()),
    "small": ("everything.toml", SMALL),
    "longer": ("everything.toml", (*SMALL, "--set", "ablation.seeds=4")),
    "faulty": ("faulty.toml", ()),
    "function": ("function.toml", ()),
    "program": ("program.toml", ()),
}


def make_site(root: Path, name: str = "small", *options: str, safe: tuple[str, ...] = SAFE) -> Site:
    """A folder for one of the `STUDIES`, run with these options besides its own."""
    file, own = STUDIES[name]
    site = Site(root, (MODELS / file).read_text(), (*safe, *own, *options))
    for code in MODELS.glob("*.py"):
        shutil.copy(code, root)
    return site


@final
class Wholes:
    """The undisturbed runs of the `STUDIES`, in folders below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, Whole] = {}

    def of(self, name: str) -> Whole:
        """What the study comes to; run where that is not known yet."""
        if name not in self._known:
            options = UNARMED if name == "faulty" else ()
            with make_site(self._root / f"undisturbed-{name}", name, *options) as site:
                self._known[name] = undisturbed(site)
        return self._known[name]
