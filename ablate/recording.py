"""What passes between a plan and a scheduler into the journal, the tracker, and before the eyes of whoever watches."""

from pathlib import Path

from ablate.events import TrialBegan, Watched, Watcher
from ablate.files import write_aside
from ablate.freeze import Freeze, Guarded
from ablate.journal import Entry, Journal, Journaled
from ablate.plan import Cache, Plan, Remembered
from ablate.records import Phase, TrialSpec
from ablate.tracking import BackgroundTracker, StudyRun, Tracked


class Record:
    """All that one run of a study writes down while it trains.

    `cache` holds the trials of other studies, which are trained no second time; None: there are none.
    """

    def __init__(
        self, journal: Journal, tracker: BackgroundTracker, watch: Watcher, *, cache: Cache | None = None
    ) -> None:
        self._journal, self._tracker, self._watch, self._cache = journal, tracker, watch, cache
        self._freeze: Freeze | None = None

    def open(self, study: StudyRun, *, parent_run: Path) -> None:
        """Begin the study's run, or go on in the one whose id is in the file `parent_run`; its id is kept there."""
        self._tracker.open_study(
            study,
            parent_run_id=parent_run.read_text().strip() if parent_run.exists() else None,
            on_open=lambda run_id: write_aside(parent_run, run_id + "\n"),
        )

    def freeze(self, freeze: Freeze) -> None:
        """Note what will be compared: the trials of these cells, in plans put `around` from now on, are tested."""
        self._freeze = freeze
        self._tracker.log_freeze(freeze)

    def around(self, plan: Plan) -> Plan:
        """The plan, kept from the test set as far as nothing is frozen, and around it all that writes down what passes.

        A result of another study passes like any other; it is shown and tracked as a trial that took no time.
        """
        tracked = Tracked(Watched(Guarded(plan, self._freeze), self._watch), self._tracker)
        run_ids = self._tracker.run_ids
        journaled = Journaled(tracked, self._journal, run_id=lambda trial: run_ids.get(trial, ""))
        remembered = Remembered(journaled, cache=self._cache, on_start=self.begin)
        for name, outcome in self._journal.known().items():
            remembered.remember(self._journal.entries[name].spec, outcome)
        return remembered

    def begin(self, spec: TrialSpec) -> None:
        """A worker has taken a trial."""
        self._tracker.open_trial(spec)
        self._watch(TrialBegan(spec))

    def known_of(self, phase: Phase) -> list[Entry]:
        """The trials of a phase that need no more training."""
        known = self._journal.known()
        return [e for name, e in self._journal.entries.items() if name in known and e.spec.phase == phase]

    def settle(self) -> list[Entry]:
        """All trials as they ended, once the tracker has caught up, with the ids of their runs."""
        self._tracker.drain()
        self._journal.add_run_ids(self._tracker.run_ids)
        return list(self._journal.entries.values())
