"""What `ablate doctor` finds: a fact, or a problem with the command or edit that repairs it."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ablate.errors import AblateError
from ablate.study.backend import Backend

REINSTALL: Mapping[Backend, str] = {
    "jax": 'pip install --force-reinstall "ablate-keras[jax]"',
    "tensorflow": "pip install --force-reinstall tensorflow",
}
_IN_MEMORY = re.compile("memory|killed|signal 9|SIGKILL", re.IGNORECASE)
_ON_DISK = re.compile("space|disk|temporary files", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact, with what repairs it if it is a problem."""

    name: str  # "" if it goes on about the one before
    text: str
    repair: str = ""  # a command or an edit; "" if all is well

    @property
    def is_fine(self) -> bool:
        """Whether nothing has to be repaired."""
        return not self.repair

    def lines(self) -> list[str]:
        """The fact; below a problem what repairs it."""
        said = [f"{'ok ' if self.is_fine else 'NO '}   {self.name:<12}  {self.text}"]
        return said if self.is_fine else [*said, f"FIX   {'':<12}  {self.repair}"]


def problem(name: str, err: AblateError, *, otherwise: str, before: str = "") -> Finding:
    """An error as a problem: the first line is what is wrong, the others are the way out; without them, `otherwise`."""
    first, *others = (line.strip() for line in str(err).splitlines() or ["unknown"])
    return Finding(name, f"{before}{first}", "; ".join(filter(None, others)) or otherwise)


def repair_of_training(reason: str, *, chosen: Backend, others: Sequence[Backend]) -> str:
    """What to do if the tiny network does not train, by the reason."""
    if "did not finish" in reason:
        return "end other programs that use the processors, then run ablate doctor again"
    if _ON_DISK.search(reason):
        return f"free some space in {tempfile.gettempdir()}, or set TMPDIR to a folder on another disk"
    if _IN_MEMORY.search(reason):
        return "end other programs that use memory, or train with fewer workers: ablate study NAME --workers 1"
    elsewhere = [f"KERAS_BACKEND={other} ablate doctor tries the other backend" for other in others]
    return "; ".join([REINSTALL[chosen], *elsewhere])


def repair_of_backend(chosen: Backend, others: Sequence[Backend]) -> str:
    """What to do if a backend cannot be imported."""
    elsewhere = [f'set training.backend = "{other}" in the study' for other in others]
    return ", or ".join([REINSTALL[chosen], *elsewhere])


def repair_of_notice(notice: str) -> str:
    """What to do about something that a cluster told."""
    if "unlike" in notice:
        return "install the same versions on all machines, or take unlike ones in with --mixed"
    if "no token" in notice:
        return "ray start with RAY_AUTH_MODE=token set on every machine, and here"
    if "ray job stop" in notice:
        return 'submit the job with that variable in its "env_vars"'
    return "ray status shows what the machines of the cluster do; ray start --address=HOST:PORT adds one"
