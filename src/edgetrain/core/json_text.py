"""JSON as it stands in every file of ours: indented, sorted, writable as UTF-8."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict


def json_text(value: Mapping[str, object]) -> str:
    """Return an object as indented JSON with sorted keys, which can be written as UTF-8; dataclasses become objects."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=asdict)
    # Surrogates stand for the bytes of file names that are not UTF-8; JSON has the same escapes as Python for them.
    return text.encode("utf-8", "backslashreplace").decode()
