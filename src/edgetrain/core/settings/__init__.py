"""Every setting as a typed, checked value: what ``invoke.yaml``, variables and flags say together.

The names load on first use: making twenty classes takes a tenth of the time of ``inv --list``, which needs none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetrain.core.settings.settings import Settings, SettingsFile

__all__ = ["Settings", "SettingsFile"]


def __getattr__(name: str) -> object:
    """Return a name of this face."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("edgetrain.core.settings.settings"), name)
