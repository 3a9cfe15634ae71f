"""A study and what there is of it into what is left to do, what of that is known already, and what it could show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ablate.ablation import Count, count_trials, needs_best
from ablate.ablation.counting import Part
from ablate.ablation.looks import Undecided
from ablate.folder.journal import Entry
from ablate.plan import Cache, content_key
from ablate.records import TrialSpec
from ablate.running.comparison import Comparison
from ablate.running.standing import best_entry
from ablate.statistics import minimum_detectable_effect
from ablate.study import Study


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a study would do now."""

    counts: Mapping[Part, Count]  # all trials of each part, whether done or not
    done: Mapping[str, int]  # by part
    left: Sequence[TrialSpec]  # to be trained, as far as they are known
    unknown: int  # further trials, that depend on those before them; the most there can be
    reused: int  # trials that take the result of an equal one, of this study or of another
    contrasts: int  # of one learning-rate mode: the family
    n_seeds: tuple[int, ...]  # at each look

    def detectable(self) -> list[float]:
        """The smallest effect at each look, in SDs of the paired differences: 80 % power, all contrasts at once."""
        return [minimum_detectable_effect(n, contrasts=max(self.contrasts, 1)) for n in self.n_seeds]


def look_ahead(
    study: Study, entries: Mapping[str, Entry], *, chance: float, cache: Cache | None, undecided: Undecided
) -> Outlook:
    """The outlook of a study whose settled trials are `entries`; what was interrupted is not among them."""
    searched = study.search.trials - sum(entry.spec.phase == "search" for entry in entries.values())
    best = best_entry(entries.values()) if searched <= 0 else None
    counts = count_trials(study, best=best.spec.factors if best else None)
    # Where the best is not known yet, the baseline stands for it: the family is then at least so large.
    stand_in = best.spec.factors if best else study.baseline
    comparison = Comparison(study, best=stand_in, chance=chance, undecided=undecided)
    outcomes = {name: entry.outcome for name, entry in entries.items()}
    is_known = best is not None or not needs_best(study)
    wanted = comparison.wanted(outcomes) if is_known else []
    left, reused = _left(wanted, entries, cache)
    listed = Counter(map(_part, wanted))
    growing = {_part(spec) for spec in wanted if spec.trial not in entries} if is_known else {*counts} - {"search"}
    further = sum(max(0, counts[part].most - listed[part]) for part in growing)
    return Outlook(
        counts=counts,
        done=dict(Counter(_part(entry.spec) for entry in entries.values())),
        left=left,
        unknown=max(0, searched) + further,
        reused=reused,
        contrasts=_family(comparison.confirmed(outcomes), mode=study.ablation.learning_rate[0]),
        n_seeds=comparison.looks,
    )


def _part(spec: TrialSpec) -> Part:
    return "path" if spec.design == "path" else spec.phase


def _family(specs: Sequence[TrialSpec], *, mode: str) -> int:
    """Contrasts of one learning-rate mode."""
    return len({spec.variant for spec in specs if spec.design == "one-factor" and spec.against and spec.mode == mode})


def _left(
    wanted: Sequence[TrialSpec], entries: Mapping[str, Entry], cache: Cache | None
) -> tuple[list[TrialSpec], int]:
    """What must be trained, each content once, and how many of the rest take a result that there is."""
    seen = {content_key(entry.spec) for entry in entries.values()}
    left, reused = [], 0
    for spec in wanted:
        if spec.trial in entries:
            continue
        key = content_key(spec)
        if key in seen or (cache is not None and cache.find(spec) is not None):
            reused += 1
        else:
            left.append(spec)
        seen.add(key)
    return left, reused
