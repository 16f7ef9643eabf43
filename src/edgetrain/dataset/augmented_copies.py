"""Augmented copies of a picture, told by the names that Roboflow gives them: ``NAME_jpg.rf.HASH.jpg``.

Copies show the same objects: in several splits, a model is judged by what it has seen
(github.com/roboflow/rf-detr/issues/216).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgetrain.dataset.layout import base_name

_COPY = re.compile(r"(.+)\.rf\.[0-9A-Za-z_-]{3,64}(?:\.[A-Za-z0-9]{1,5}){0,2}")


def source_of(name: str) -> str | None:
    """Return what the source of an augmented copy is called; ``None`` for other names.

    Args:
        name: a picture's or annotation's, folders before it do not count.
    """
    found = _COPY.fullmatch(base_name(name))
    return found[1] if found else None


def copies_by_source(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the copies of each source that has several, in the order of the names."""
    groups: dict[str, list[str]] = {}
    for name in names:
        source = source_of(name)
        if source is not None:
            groups.setdefault(source, []).append(name)
    return {source: copies for source, copies in groups.items() if len(copies) > 1}
