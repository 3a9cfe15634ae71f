"""What a plan asks for into what a free worker takes next; trials whose worker died come first."""

from collections.abc import Sequence
from typing import TypeAlias, final

from ablate.catalog import is_transferred, trained_before
from ablate.models.structure import Structure, structure_of
from ablate.plan import Plan
from ablate.records import Level, TrialSpec
from ablate.schedule.choice import choose
from ablate.schedule.crew import Worker

STACK_LOOKAHEAD = 256  # specs held ready where a worker looks for more trials of one structure

_Pair: TypeAlias = tuple[Structure, TrialSpec]
_Origin: TypeAlias = tuple[int, tuple[tuple[str, Level], ...]]


@final
class Waiting:
    """Specs that a plan asked for and that no worker trains, in its order; those that were put back lead."""

    def __init__(self, *, model: str) -> None:
        self._model = model
        self._pairs: list[_Pair] = []
        self._alone: set[str] = set()  # trials that share no program any more: a worker died under their stack

    def __len__(self) -> int:
        return len(self._pairs)

    def fill(self, plan: Plan, n: int) -> None:
        """Ask until `n` wait, or the plan has no more for now."""
        if n > len(self._pairs):
            specs = plan.ask(n - len(self._pairs))
            self._pairs.extend((structure_of(spec.factors, model=self._model), spec) for spec in specs)

    def take(self, worker: Worker, others: Sequence[Worker]) -> tuple[Structure, TrialSpec] | None:
        """What a free worker begins with while `others` work. None: nothing.

        Rather not what begins on the weights that another one is about to train: both would train them.
        """
        if not self._pairs:
            return None
        under_way = {_origin(going.spec) for other in others for going in other.trials.values()} - {None}
        fitting = [pair for pair in self._pairs if _origin(pair[1]) not in under_way] or self._pairs
        pair = fitting[choose([structure for structure, _ in fitting], worker.seen, [other.seen for other in others])]
        self._pairs.remove(pair)
        return pair

    def more(self, worker: Worker, plan: Plan, *, n: int) -> list[TrialSpec]:
        """Up to `n` specs to stack with those that a worker trains."""
        if not self._alone.isdisjoint(worker.trials):
            return []
        self.fill(plan, STACK_LOOKAHEAD)
        same = [pair for pair in self._pairs if pair[0] == worker.structure]
        fitting = [pair for pair in same if pair[1].trial not in self._alone][:n]
        for pair in fitting:
            self._pairs.remove(pair)
        return [spec for _, spec in fitting]

    def put_back(self, structure: Structure, specs: Sequence[TrialSpec]) -> None:
        """Take in the trials of a worker that died; of a stack, each begins again in a program of its own.

        Whose fault the stack's death was shows then. A trial is a function of its spec, alone or not.
        """
        if len(specs) > 1:
            self._alone |= {spec.trial for spec in specs}
        self._pairs[:0] = [(structure, spec) for spec in specs]

    def clear(self) -> None:
        """Nothing more is to be begun."""
        self._pairs.clear()


def _origin(spec: TrialSpec) -> _Origin | None:
    """The network trained before on which a trial begins, equal for trials that share one; None: it begins afresh."""
    return (spec.seed, tuple(sorted(trained_before(spec.factors).items()))) if is_transferred(spec.factors) else None
