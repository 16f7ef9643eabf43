"""Where pictures come from, by name: Openverse, Wikimedia Commons, and functions of the user's own.

A provider of one's own is a function like :class:`edgetrain.collect.candidates.Provider`, named ``MODULE:FUNCTION`` in
``collect.provider``; its module must be importable.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial

from edgetrain.collect.candidates import Provider
from edgetrain.collect.providers import openverse, wikimedia
from edgetrain.core.errors import SettingsError
from edgetrain.core.settings.sections import CollectSettings
from edgetrain.core.wording import suggestion


def find_providers(settings: CollectSettings) -> dict[str, Provider]:
    """Return the providers that the settings name, by name and in their order.

    Raises:
        SettingsError: none is named, or one does not exist.
    """
    known: Mapping[str, Provider] = {
        openverse.NAME: partial(openverse.search_openverse, url=settings.openverse_url),
        wikimedia.NAME: partial(wikimedia.search_wikimedia, url=settings.wikimedia_url),
    }
    names = dict.fromkeys(settings.provider)
    if not names:
        raise SettingsError(f"collect.provider is empty. Name one of: {', '.join(known)}, or MODULE:FUNCTION.")
    for name in names:
        if name not in known and ":" not in name:
            raise SettingsError(
                f"collect.provider names {name!r}, but must be one of: {', '.join(known)}, or MODULE:FUNCTION of your "
                f"own.{suggestion(name, known)}"
            )
    return {name: known[name] if name in known else _own(name) for name in names}


def _own(name: str) -> Provider:
    """Return a function of the user's own."""
    module_name, _, function_name = name.partition(":")
    try:
        provider: Provider = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"collect.provider: {name} cannot be loaded ({error}). Correct the name, or put the module's folder on "
            "PYTHONPATH."
        ) from error
    return provider
