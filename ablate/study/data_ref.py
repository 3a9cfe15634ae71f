"""Tell what kind of source a study's data.name names: a known set, a file, a folder of images, a user's function."""

import re
from typing import Literal, TypeAlias

# "path": a path whose last part has no known suffix, a file or a folder as the disk says.
SourceKind: TypeAlias = Literal["known", "npz", "table", "images", "function", "path"]
TABLES = (".csv", ".tsv", ".parquet")
_FUNCTION = re.compile(r"(?s).+\.py:(.*)")


def source_kind(name: str) -> SourceKind:
    """The kind of source, by its name alone: nothing is looked up."""
    lower = name.lower()
    if _FUNCTION.fullmatch(name) or lower.endswith(".py"):
        return "function"
    if lower.endswith(TABLES):
        return "table"
    if lower.endswith(".npz"):
        return "npz"
    if name.endswith(("/", "\\")):
        return "images"
    return "path" if "/" in name or "\\" in name else "known"


def is_function(name: str) -> bool:
    """Whether a name has the form "file.py:function"."""
    found = _FUNCTION.fullmatch(name)
    return found is not None and found[1].isidentifier()
