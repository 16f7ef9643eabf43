"""GitHub's workflow files: every call of ``ci/inv`` in them is one that Invoke understands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import yaml

from ci.command_lines import fault_of


def command_faults(path: Path, name: str) -> Iterator[str]:
    """Yield what is wrong with the command lines of a workflow's steps, each with file and line.

    Args:
        path: the workflow file, which is valid YAML.
        name: what messages call it.
    """
    for script in _scripts(yaml.compose(path.read_text(encoding="utf-8"))):
        for command in script.value.replace("\\\n", " ").splitlines():
            fault = fault_of(tuple(shlex.split(command, comments=True)))
            if fault:
                yield f"{name}:{script.start_mark.line + 1}: {fault}"


def _scripts(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield the values of all keys ``run`` that are text."""
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _scripts(part)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "run" and isinstance(value, yaml.ScalarNode):
                yield value
            yield from _scripts(value)
