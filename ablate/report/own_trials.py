"""What a report says of studies whose trials a user's function or program trained by itself."""

from ablate.report.inputs import Inputs
from ablate.report.page import Check
from ablate.text import listed, number_of

SEED = (
    "Each run got its seed; what a seed fixes is up to the code of {who}. Both sides of a comparison share the seed, "
    "so their runs are paired."
)
SPLIT_SEED = (
    "A seed fixes the split into training and validation examples, and {who} got it for all that it draws itself. Both "
    "sides of a comparison share the seed, so their runs are paired."
)


def training(inputs: Inputs) -> str:
    """Who trained, and whose numbers the report shows."""
    n, how = len(inputs.runs), "call" if inputs.own_trial == "train" else "process"
    return (
        f"{_at_start(inputs.trained_by)} trained {number_of(n, 'run')} by itself, each in a {how} of its own with the "
        "configuration and the seed that the study gave it. When it stopped, and which weights it kept, is its own "
        "decision; all scores are those that it reported."
    )


def seed(inputs: Inputs) -> str:
    """What a seed fixes."""
    return (SPLIT_SEED if inputs.data.n_train else SEED).format(who=inputs.trained_by)


def test_scores(inputs: Inputs) -> str:
    """Where test scores come from, and which were thrown away."""
    said = (
        f"Test scores are those that {inputs.trained_by} reported in the compared runs, which it was told to test. The "
        "search and its rules saw none of them."
    )
    return f"{said} {thrown_away(inputs)}".rstrip()


def thrown_away(inputs: Inputs) -> str:
    """How many test scores came too early; "" if none did."""
    discarded = inputs.facts.discarded or {}
    if not discarded:
        return ""
    each = listed(f"{name} of {number_of(n, 'run')}" for name, n in discarded.items())
    return f"Test scores that were reported before the comparisons were preregistered were thrown away: {each}."


def rate_check() -> Check:
    """In place of the checks of learning rates, where no factor is one."""
    why = "The study has no factor learning_rate: whether a variant needs another rate than its reference is not known."
    return Check("Learning rate found for each variant", None, why)


def data_check(inputs: Inputs) -> Check:
    """In place of the check of the data, where the trials bring their own."""
    return Check("Real data", None, f"{_at_start(inputs.trained_by)} brings its own data, which ablate does not see.")


def _at_start(who: str) -> str:
    """Who trains, at the start of a sentence; the name of a file stays as it is."""
    return f"The{who.removeprefix('the')}" if who.startswith("the program") else who
