"""Call factors by their own names: "optimizer" of the column "config/optimizer"."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ablate.foreign.asked import Asked
from ablate.foreign.columns import Roles, column_of
from ablate.foreign.exports import recognize
from ablate.sources import Runs


def own_names(runs: Runs, roles: Roles) -> Mapping[str, str]:
    """Column -> the factor's name: without the tool's prefix, unless another column would have the same one then."""
    columns = [str(name) for name in runs.table]
    export = recognize(columns)
    own = {column: export.name(column) for column in roles.factors}
    taken = Counter(column_of(name) for name in (*own.values(), *(set(columns) - set(own))))
    return {column: name if taken[column_of(name)] == 1 and "=" not in name else column for column, name in own.items()}


def in_own_names(asked: Asked, names: Mapping[str, str]) -> Asked:
    """What was asked, where a factor may be called by its column."""
    return replace(asked, reference=_renamed(asked.reference, names), target=_renamed(asked.target, names))


def _renamed(stated: str, names: Mapping[str, str]) -> str:
    """ "params.a=1, params.b=x" as "a=1, b=x"."""
    for column, name in names.items():
        written = name.replace("\\", "\\\\")  # as a template of `re`
        stated = re.sub(rf"(^|,)\s*{re.escape(column)}\s*=", rf"\g<1>{written}=", stated)
    return stated
