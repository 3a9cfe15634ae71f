"""A plan into one that asks for nothing more once its trials fail again and again for one and the same reason."""

import json
import re
from collections.abc import Callable, Sequence

from ablate.plan import Plan
from ablate.records import Epoch, Outcome, TrialSpec

# Where reasons may differ that mean the same: addresses, then numbers.
_VARYING = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?")
_LONGEST = 200  # characters of a reason in the message


class GivingUp:
    """A plan that gives up after `most` trials in a row failed, or ran out of memory, for the same reason; 0: never.

    `on_reason` is called once, with a line that says so. What is wrong with one configuration is no reason to end a
    study that has others, so the trials must have two at least: seeds and learning rates alone make no difference.
    Trials that took another one's result, and those that were interrupted, say nothing.
    """

    def __init__(self, plan: Plan, *, most: int, on_reason: Callable[[str], None]) -> None:
        self._plan, self._most, self._on_reason = plan, most, on_reason
        self._configurations: dict[str, str] = {}  # by trial that was asked for
        self._alike = ""  # why those in the row failed
        self._row: set[str] = set()  # trials, since the last that ended in another way
        self._has_given_up = False

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Pass on; nothing once it has given up."""
        if self._has_given_up:
            return []
        specs = self._plan.ask(n)
        self._configurations.update({spec.trial: _configuration(spec) for spec in specs})
        return specs

    def report(self, epoch: Epoch) -> bool:
        """Pass on."""
        return self._plan.report(epoch)

    def tell(self, outcome: Outcome) -> None:
        """Pass on, and count."""
        self._plan.tell(outcome)
        if outcome.same_as or outcome.state == "killed" or outcome.trial not in self._configurations:
            return
        alike = f"{outcome.state}: {common(outcome)}" if outcome.state in ("failed", "out_of_memory") else ""
        if alike != self._alike:
            self._alike, self._row = alike, set()
        if alike:
            self._row.add(outcome.trial)
        if self._is_enough() and not self._has_given_up:
            self._has_given_up = True
            self._on_reason(f"{len(self._row)} trials in a row failed alike: {_short(outcome.reason)}")

    def _is_enough(self) -> bool:
        different = {self._configurations[trial] for trial in self._row}
        several = min(2, len(set(self._configurations.values())))
        return 0 < self._most <= len(self._row) and len(different) >= several


def common(outcome: Outcome) -> str:
    """What of an outcome's reason other trials share that failed in the same way."""
    own = rf"(?<!\w){re.escape(outcome.trial)}(?!\w)"
    return _VARYING.sub("#", re.sub(own, "#", outcome.reason))


def _configuration(spec: TrialSpec) -> str:
    return json.dumps(sorted((name, level) for name, level in spec.factors.items() if name != "learning_rate"))


def _short(reason: str) -> str:
    line = reason.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
