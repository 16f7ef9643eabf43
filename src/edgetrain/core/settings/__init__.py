"""Every setting as a typed, checked value: what ``invoke.yaml``, variables and flags say together."""

from edgetrain.core.settings.settings import Settings, SettingsFile

__all__ = ["Settings", "SettingsFile"]
