"""A JSON file that anybody may have edited into plain values, bounded in size and depth, whose text can be written."""

import json
from pathlib import Path
from typing import Any

from ablate.errors import DataError
from ablate.printable import printable

MOST_BYTES = 2**28  # 30,000 range tests


def read_json(path: Path, *, otherwise: Any) -> Any:  # Any: JSON
    """What the file says; `otherwise` where it is not there. Raises `DataError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()  # half a character (a lone surrogate) can be read, not written
    except FileNotFoundError:
        return otherwise
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        reason = printable(str(err), 200)
        raise DataError(f"{path}: is no JSON: {reason}\n  delete it to leave its sections out") from err
    return value
