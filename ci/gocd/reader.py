"""Pipeline files as values. Text with a fault of the kind that GoCD rejects or silently drops never becomes one.

What a file may hold is said in ``schema.py``. Faults that show only between pipelines, jobs and artifacts are the
checker's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.gocd.document import Fields, Node, Text, read_document
from ci.gocd.findings import Finding, as_message, in_order
from ci.gocd.kinds import compare
from ci.gocd.parameters import names_in, put_in
from ci.gocd.pipelines import Environment, Pipeline
from ci.gocd.schema import ROOT
from ci.gocd.values import to_environments, to_pipeline
from edgetrain.core.errors import SettingsError
from edgetrain.core.wording import suggestion


@dataclass(frozen=True)
class Reading:
    """What files say, faults and all.

    Attributes:
        pipelines: in the order of the files; where something is faulty, its default stands.
        environments: likewise.
        findings: faults of single values and keys, in order.
    """

    pipelines: tuple[Pipeline, ...]
    environments: tuple[Environment, ...]
    findings: tuple[Finding, ...]


def read_pipelines(files: Sequence[Path], parameters: Mapping[str, str] | None = None) -> tuple[Pipeline, ...]:
    """Return the pipelines of files, in their order.

    Args:
        files: must exist.
        parameters: values in place of those of the files, by name.

    Raises:
        SettingsError: a file cannot be read, is faulty (all faults, with line), or no file has such a parameter.
    """
    reading = read_all(files, parameters)
    if reading.findings:
        raise SettingsError(as_message(reading.findings))
    return reading.pipelines


def read_all(files: Sequence[Path], parameters: Mapping[str, str] | None = None) -> Reading:
    """Return pipelines and findings; nothing but an unreadable file or an unknown parameter stops it.

    Args:
        files: must exist.
        parameters: values in place of those of the files, by name.

    Raises:
        SettingsError: a file cannot be read, or no file has such a parameter.
    """
    overrides = parameters or {}
    pipelines: list[Pipeline] = []
    environments: list[Environment] = []
    findings: list[Finding] = []
    known: set[str] = set()
    for path in files:
        document, faults = read_document(path)
        findings += faults
        if document is None:
            continue
        listed = document.get("pipelines")
        if isinstance(listed, Fields):
            known.update(name for raw in listed.entries.values() for name in names_in(raw))
            listed, faults = _resolved(listed, overrides)
            findings += faults
            pipelines += [to_pipeline(name, raw) for name, raw in listed.entries.items() if isinstance(raw, Fields)]
            entries = {key: listed if key == "pipelines" else value for key, value in document.entries.items()}
            document = Fields(document.place, entries)
        environments += to_environments(document.get("environments"))
        findings += compare(document, ROOT, str(path))
    for name in sorted(overrides.keys() - known):
        raise SettingsError(f'"{name}" is no parameter of {_named(files)}.{suggestion(name, known)} Correct the name.')
    return Reading(tuple(pipelines), tuple(environments), in_order(findings))


def _resolved(listed: Fields, overrides: Mapping[str, str]) -> tuple[Fields, tuple[Finding, ...]]:
    findings: list[Finding] = []
    entries: dict[Text, Node] = {}
    for name, raw in listed.entries.items():
        entries[name] = raw
        if isinstance(raw, Fields):
            entries[name], faults = put_in(name, raw, overrides)
            findings += faults
    return Fields(listed.place, entries), tuple(findings)


def _named(files: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in files) or "no file"
