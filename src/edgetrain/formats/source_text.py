"""Text files of a source that is imported: UTF-8, with or without a byte order mark."""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.annotation_set import Place, Reading
from edgetrain.core.system.files import file_content

MOST_SOURCE_BYTES = 2048 << 20


def read_text(path: Path, name: str, reading: Reading) -> str | None:
    """Return the text of a file, its line ends as they are; ``None``, with a fault, where it cannot be read.

    Args:
        path: the file.
        name: what messages call it.
        reading: takes the fault.
    """
    try:
        return file_content(path, most_bytes=MOST_SOURCE_BYTES).decode("utf-8-sig")
    except OSError as error:
        reading.fault(Place(name), f"cannot be read ({error.strerror}). Mend its permissions.")
    except UnicodeDecodeError as error:
        reading.fault(Place(name), f"not UTF-8 text ({error.reason}). Save it as UTF-8.")
    return None
