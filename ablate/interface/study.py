"""A study, as a script or a notebook writes it."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ablate.interface.tables import ARRAYS, read_tables
from ablate.interface.written import write_study
from ablate.study.load import load_study, study_of_tables
from ablate.study.names import find_study
from ablate.study.settings import StudySettings
from ablate.study.toml import to_toml
from ablate.text import number_of

if TYPE_CHECKING:
    import pandas as pd

    from ablate.experiment.options import Only, Options
    from ablate.experiment.preview.planned import StudyPlan
    from ablate.interface.result import Result


@final
class Study:
    """A search and an ablation study: the tables of a study file, checked when it is made.

    Where a file names a function as "my.py:f", a table may hold the function itself: `model` (a function that builds,
    or a table with it as "name"), `data` (a function that loads), the metric's "name" and "also", the training's
    "loss". `data` may be arrays in memory, too: a dict with x_train, y_train and so on, a pair (x, y), or a DataFrame.
    Paths are relative to the working folder.

    >>> import ablate
    >>> study = ablate.Study(
    ...     "activations",
    ...     data={"name": "digits", "validation": 200},
    ...     model={"name": "mlp", "depth": 2, "width": 16},
    ...     baseline={
    ...         "activation": "relu", "normalization": "none", "initializer": "he_normal", "dropout": 0.0,
    ...         "optimizer": "adam", "learning_rate": "find",
    ...     },
    ...     space={"activation": ["relu", "elu"]},
    ...     search={"trials": 0},
    ...     ablation={"seeds": 6},
    ... )
    >>> study
    Study("activations", data="digits", model="mlp", 6 factors)

    A rule that is broken is said as for a file:

    >>> ablate.Study("mine", model="mpl", baseline={}, space={})
    Traceback (most recent call last):
    ablate.errors.StudyError: Study("mine"): model.name: unknown model "mpl"
      known: mlp, cnn, ...; or your own model, as "my_models.py:build"
    """

    def __init__(
        self,
        name: str,
        *,
        data: object = None,
        model: object = None,
        metric: object = None,
        baseline: Mapping[str, object] | None = None,
        space: Mapping[str, object] | None = None,
        recipes: Mapping[str, object] | None = None,
        training: Mapping[str, object] | None = None,
        search: Mapping[str, object] | None = None,
        ablation: Mapping[str, object] | None = None,
        seed: int = 0,
        title: str | None = None,
        schedule: Mapping[str, object] | None = None,
        transfer: Mapping[str, object] | None = None,
        lr_test: Mapping[str, object] | None = None,
        inspect: Mapping[str, object] | None = None,
        limits: Mapping[str, object] | None = None,
        retries: Mapping[str, object] | None = None,
    ) -> None:
        tables = {
            "title": title, "seed": seed, "data": data, "model": model, "training": training, "metric": metric,
            "schedule": schedule, "transfer": transfer, "lr_test": lr_test, "baseline": baseline, "space": space,
            "recipes": recipes, "search": search, "ablation": ablation, "inspect": inspect, "limits": limits,
            "retries": retries,
        }  # fmt: skip
        base = Path.cwd()
        self._settings: Callable[[], StudySettings] = lambda: study_of_tables(read_tables(name, tables), base=base)
        self._checked = self._settings()

    @classmethod
    def read(cls, study: str | os.PathLike[str], *, overrides: Sequence[str] = (), quick: bool = False) -> "Study":
        """A study file: a path, or a name in ./studies or among the bundled studies.

        `overrides` change settings, as "training.epochs=5"; `quick` reduces the study for a smoke test.

        >>> ablate.Study.read("digits_mlp", overrides=["ablation.seeds=3"])
        Study("digits_mlp", data="digits", model="mlp", 6 factors)
        """
        path = find_study(os.fspath(study), folder=Path.cwd())
        return cls._of(load_study(path, overrides=list(overrides), quick=quick))

    @classmethod
    def _of(cls, settings: StudySettings) -> "Study":
        made = cls.__new__(cls)
        made._settings, made._checked = lambda: settings, settings
        return made

    @property
    def name(self) -> str:
        """Its name, which names the folder of its results."""
        return self._checked.name

    @property
    def title(self) -> str:
        """Its title, or its name."""
        return self._checked.title

    @property
    def settings(self) -> StudySettings:
        """Every setting, with the defaults filled in, and functions as they are now."""
        return self._settings()

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the study as a file that `ablate study` runs, with every default filled in.

        Functions are written as "my.py:f", and so must be in a module's file. Another file of that name is kept
        unless `overwrite`.

        >>> ablate.Study.read("digits_mlp").write("mine.toml")
        >>> ablate.Study.read("mine.toml") == ablate.Study.read("digits_mlp")
        True
        """
        write_study(self.settings, Path(path), overwrite=overwrite)

    def plan(
        self,
        *,
        workers: int | None = None,
        out: str | os.PathLike[str] = "reports",
        data_dir: str | os.PathLike[str] | None = None,
        timing: bool = True,
    ) -> "pd.DataFrame":
        """What `run` would do now: a row for each part of the study, and one for all.

        Columns: `trials` (at most; `at_least` where the number depends on results), `done`, `rounds` (in which the
        workers train what is left, if all trials take equally long), `seconds` (of the whole, NaN if unknown),
        `detectable_sd` (smallest difference that the comparisons can detect, in SDs of the paired differences, 80 %
        power, family-wise 5 %) and `detectable` (the same in the metric's unit, once two seeds have run). With
        `timing`, an epoch is trained of each structure without a record, in worker processes.

        A study on several data sets has these rows for each of them, indexed by `data_set` and `part`, and at the end
        ("all", "total") over all. Its comparisons on fewer than five data sets are one family on all of them; on five
        or more, claims do not rest on seeds, so what is detectable is NaN.

        >>> ablate.Study.read("digits_mlp").plan(timing=False)[["trials", "done"]]
                  trials  done
        part
        search         6     0
        ablation      56     0
        total         62     0
        """
        from ablate.interface.planning import plan_frame, several_frame

        options = self._options(workers=workers, out=out, data_dir=data_dir)
        if self.settings.data_sets:
            return several_frame(self.settings, options, timing=timing, announce=print)
        return plan_frame(self.planned(options, announce=print), timing=timing)

    def planned(self, options: "Options", *, announce: Callable[[str], None]) -> "StudyPlan":
        """The plan of a study on one data set with all that it rests on, as the command line shows it."""
        from ablate.experiment.preview.planned import plan_study

        return plan_study(self.settings, options, announce=announce)

    def run(
        self,
        *,
        workers: int | None = None,
        out: str | os.PathLike[str] = "reports",
        cluster: str | None = None,
        threads: int | None = None,
        mixed: bool = False,
        tracking_uri: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        stack: int | None = None,
        only: "Only | None" = None,
        fresh: bool = False,
        continue_: bool = False,
        retry: bool = False,
        cache: bool = True,
        progress: bool = True,
    ) -> "Result":
        """Run what is left of the study in worker processes, and write its tables and report into `out`/NAME.

        Every trial is on disk when it ends, and report.html is rewritten about once a minute, without a verdict until
        the study has ended. Ctrl-C (in a notebook: Interrupt) saves and raises `KeyboardInterrupt`;
        the same call goes on. `workers`: None for one per GPU or CPU core, as memory allows. `tracking_uri`: MLflow's
        store; None for $MLFLOW_TRACKING_URI, else mlflow.db in the working folder. The other arguments are the
        options of `ablate study`: `only` "search" or "ablation"; `fresh` starts again and keeps the old results under
        another name; `continue_` goes on with a changed study if the finished trials stay valid; `retry` retrains
        trials that failed; without `cache`, no trial of another study is reused. `cluster`: "auto" or "HOST:PORT" of
        a Ray cluster, on whose machines workers of `threads` processors train; `mixed` takes in machines whose numbers
        differ from the others' by rounding.
        """
        from ablate.interface.arguments import told_as_arguments
        from ablate.interface.running import run_here

        options = self._options(
            workers=workers, out=out, data_dir=data_dir, tracking_uri=tracking_uri, stack=stack, only=only,
            cluster=cluster, threads=threads, mixed=mixed, fresh=fresh, go_on=continue_, retry=retry, reuse=cache,
        )  # fmt: skip
        with told_as_arguments(self.run):
            return run_here(self.settings, options, progress=progress)

    def _options(self, **chosen: Any) -> "Options":  # Any: each checked there
        from ablate.interface.running import to_options

        return to_options(**chosen)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Study):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        study = self._checked
        data = "data in memory" if study.data.name == ARRAYS else f'data="{study.data.name}"'
        named = [f'"{study.name}"', *([data] if study.data.name else []), f'model="{study.model.name}"']
        return f"Study({', '.join(named)}, {number_of(len(study.baseline), 'factor')})"

    def _identity(self) -> tuple[str, Mapping[str, object]]:
        return to_toml(self._checked), self._checked.functions
