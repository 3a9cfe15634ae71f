"""The result of a study or of an analysed table: its tables, sentences and figures, read from its folder."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ablate.errors import AblateError, known_names
from ablate.text import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ablate.report.inputs import Inputs
    from ablate.report.page import Check, Page

ALIASES = {"search": "history"}  # names for figures that people look for under another
FIGURE_BESIDE = "effects"  # shown in a notebook below the answer
OF_SEVERAL = "data-sets"  # the effects on several data sets


@final
class Result:
    """What a folder of results holds, as it was when it was first looked at; TensorFlow is not needed.

    Scores, times and units are those of the report. In a notebook, a cell that ends in it shows the answer, the
    checklist and the figure of the effects.

    >>> import ablate
    >>> result = ablate.read("reports/houses")
    >>> print(result.headline[0])
    The largest effect shown: normalization batch helps by 4.2...
    >>> result.effects[["variant", "n", "verdict"]].iloc[2]
    variant    normalization=batch
    n                            9
    verdict                  helps
    Name: 2, dtype: object
    """

    def __init__(self, folder: Path, *, notes: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.notes = notes  # besides the answer: cautions; of an analysed table, what was taken for what

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.folder / "report.html"

    @property
    def headline(self) -> list[str]:
        """The answer in sentences."""
        return list(self._page.headline)

    @property
    def checklist(self) -> "pd.DataFrame":
        """The checklist: columns `check`, `passed` (True, False, or None if unknown) and `why`."""
        import pandas as pd

        rows = [(check.name, check.passed, check.why) for check in self.checks]
        return pd.DataFrame(rows, columns=["check", "passed", "why"]).astype({"passed": object})

    @property
    def effects(self) -> "pd.DataFrame":
        """A row for each comparison, as in effects.csv.

        Among its columns: `factor`, `level`, `variant`, `mode`, `n` (pairs of runs), `mean` (difference), `low` and
        `high` (95 % interval of the mean), `p_adjusted`, `verdict`, the means of both sides, costs. Differences are
        in the metric's recorded unit, and above 0 is better.

        Of comparisons on several data sets these are the effects over all of them, and `n` counts data sets. With
        fewer than five data sets they are exploratory: claims are in `effects_by_data_set`.
        """
        from ablate.report.build import to_effects_file

        return to_effects_file(self._inputs)

    @property
    def effects_by_data_set(self) -> "pd.DataFrame":
        """A row for each comparison on each of several data sets, `data_set` before the columns of `effects`.

        Costs are left out. With five data sets or more these effects are exploratory. Where a metric has other sizes
        on each data set, differences are in log points. Empty for a study on one data set.
        """
        from ablate.report.build import to_each_file

        return to_each_file(self._inputs)

    @property
    def runs(self) -> "pd.DataFrame":
        """A row for each trial, as in results.csv.

        Among its columns: `trial`, `phase`, `variant`, `seed`, `state`, `score` (higher is better), the factors, the
        metrics of the best epoch (`val_…`, `train_…`), `test_…` of confirmatory trials, times in seconds.
        """
        return self._inputs.results.copy()

    @property
    def epochs(self) -> "pd.DataFrame":
        """A row for each epoch of each trial, as in epochs.csv: `trial`, `epoch`, `val_…`, `train_…`; maybe empty."""
        return self._inputs.epochs.copy()

    @property
    def importances(self) -> "pd.DataFrame":
        """A row for each factor and evaluator; empty where too few trials were drawn at random.

        Columns: `evaluator`, `factor`, `importance` (share), `low` and `high` (80 % of the resamples), `noise`, `p`,
        `is_above` (above noise), and how many trials are behind it.
        """
        from ablate.report.search import importance_table

        return importance_table(self._inputs)

    @property
    def figures(self) -> list[str]:
        """The names that `plot` knows for this result."""
        from ablate.report.build import whole_page

        return [figure.name for figure in whole_page(self._inputs).figures()]

    def plot(self, name: str = FIGURE_BESIDE) -> "Figure":
        """A figure of the report by its name: "effects", "curves", "rates", "search", … (`figures` lists them).

        >>> figure = ablate.read("reports/houses").plot("effects")
        >>> figure.axes[0].get_xlabel()
        'difference from the reference in test accuracy, points; right is better'
        """
        from ablate.interface.display.suitable import show_figures
        from ablate.report.build import figure_sections
        from ablate.report.page import figures_in

        wanted = ALIASES.get(name, name)
        found = {figure.name: figure for figure in figures_in(figure_sections(self._inputs, wanted))}
        if wanted == FIGURE_BESIDE and wanted not in found and OF_SEVERAL in found:
            wanted = OF_SEVERAL
        if wanted not in found:
            names = self.figures
            known = known_names(name, [*names, *(alias for alias, full in ALIASES.items() if full in names)])
            raise AblateError(f"{self.folder}: has no figure {printable(name)}\n  {known}")
        drawn: Figure = found[wanted].drawn
        show_figures(type(drawn))
        return drawn

    def best_model(self) -> Any:  # Any: a keras.Model; Keras has no types
        """The model of the search's best trial with its weights, scaling inside; without a search, the reference's.

        Starts Keras. Raises `AblateError` where none was kept.
        """
        from ablate.experiment.kept_models import load_best_model

        return load_best_model(self.folder)

    def _repr_html_(self) -> str:
        from ablate.report.card import result_card

        return result_card(self._page)

    def __repr__(self) -> str:
        notes = [f"Note: {note}" for note in self.notes]
        return "\n".join([*self.headline, *notes, f"report   {self.report}"])

    @property
    def checks(self) -> "list[Check]":
        """The lines of the checklist."""
        from ablate.report.card import checks_of

        return checks_of(self._page)

    @cached_property
    def _inputs(self) -> "Inputs":
        from ablate.report.inputs import read_inputs

        return read_inputs(self.folder)

    @cached_property
    def _page(self) -> "Page":
        from ablate.report.build import summary_page

        return summary_page(self._inputs)
