"""Pipeline files as values. Text with a fault of the kind that GoCD rejects or silently drops never becomes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.gocd.pipelines import Pipeline


def read_pipelines(files: Sequence[Path], parameters: Mapping[str, str] | None = None) -> tuple[Pipeline, ...]:
    """Return the pipelines of files, in their order.

    Args:
        files: must exist.
        parameters: values in place of those of the files, by name.

    Raises:
        SettingsError: a file cannot be read, is faulty (all faults, with line), or no file has such a parameter.
    """
    raise NotImplementedError
