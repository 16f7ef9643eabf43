"""What decoding each picture showed, kept between runs: JSON by the SHA-256 of the picture's content.

```
{"version": 2, "pictures": {"<64 hexadecimal digits>": {"dhash": "<16 hexadecimal digits>" | null, "error": ""}}}
```

A damaged file, or one of another version, counts as absent: everything in it can be found again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgetrain.core.system.files import write_text

# Raise it whenever the same picture would give another hash or error.
_VERSION = 2
_DIGEST = re.compile("[0-9a-f]{64}")
_HASH = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class PixelFacts:
    """What a picture's pixels are.

    ``dhash`` is the 64-bit difference hash, ``None`` for a picture without structure (fog, night) or a damaged one;
    ``error`` says why the picture does not decode, and is empty if it does.
    """

    dhash: Optional[int]
    error: str = ""


def read_pixel_cache(path: Path) -> dict[str, PixelFacts]:
    """Return the facts by content digest; none if the file is absent, damaged or of another version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    pictures = content.get("pictures")
    return _facts(pictures) if isinstance(pictures, dict) else {}


def write_pixel_cache(path: Path, facts: Mapping[str, PixelFacts]) -> None:
    """Write the facts by content digest, whole or not at all.

    Raises:
        StorageError: the file cannot be written; an earlier one stays as it was.
    """
    pictures = {
        digest: {"dhash": None if known.dhash is None else f"{known.dhash:016x}", "error": known.error}
        for digest, known in facts.items()
    }
    write_text(path, json.dumps({"version": _VERSION, "pictures": pictures}, sort_keys=True) + "\n")


def _facts(pictures: Mapping[str, object]) -> dict[str, PixelFacts]:
    """Return the entries that have the right shape."""
    found = {}
    for digest, entry in pictures.items():
        if not isinstance(entry, dict) or not _DIGEST.fullmatch(digest):
            continue
        dhash, error = entry.get("dhash"), entry.get("error")
        if not isinstance(error, str):
            continue
        if dhash is None:
            found[digest] = PixelFacts(None, error)
        elif isinstance(dhash, str) and _HASH.fullmatch(dhash):
            found[digest] = PixelFacts(int(dhash, 16), error)
    return found
