"""Read a tool's YAML file as plain values: no tag runs code, and no alias repeats a value."""

from pathlib import Path

import yaml  # type: ignore[import-untyped]  # PyYAML ships no type information

from ablate.analysis.sources.json_text import JsonRecord, bounded_bytes, check_characters
from ablate.errors import DataError
from ablate.text import printable

MOST_BYTES = 2**20


class PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # an untyped base
    """Values as in JSON: a few aliases of aliases would fill the memory."""

    def compose_node(self, parent: object, index: object) -> object:
        """Refuse an alias, else read on."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*), which is not read")
        return super().compose_node(parent, index)


def yaml_record(path: Path, *, way_out: str) -> JsonRecord:
    """The table that a tool's YAML file holds. Raises `DataError` with the way out if it cannot be read."""
    place = printable(str(path), 300)
    try:
        value = yaml.load(bounded_bytes(path, most=MOST_BYTES), Loader=PlainLoader)  # a SafeLoader
        check_characters(value)
    except OSError as err:
        raise DataError(f"{place}: cannot be read: {err.strerror}\n  {way_out}") from err
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as err:
        reason = " ".join(str(err).split())
        raise DataError(f"{place}: is not YAML: {printable(reason, 200)}\n  {way_out}") from err
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise DataError(f"{place}: must hold a table of names, got a {type(value).__name__}\n  {way_out}")
    return value
