"""Parameters of a pipeline put into its text, as GoCD's server does it: ``#{name}`` is a value, ``##`` is a ``#``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ci.gocd.document import Fields, Items, Node, Text
from ci.gocd.findings import Finding
from edgetrain.core.wording import suggestion

_PATTERN = re.compile(r"##|#\{([^}]*)\}|#")
# Of a pipeline: values of parameters are never searched, and the group is the server's.
_VERBATIM = ("parameters", "group")
# Names of variables may hold parameters, too; other keys may not.
_VARIABLES = ("environment_variables", "secure_variables")


def names_in(pipeline: Node) -> tuple[str, ...]:
    """Return the names of a pipeline's parameters."""
    own = pipeline.get("parameters") if isinstance(pipeline, Fields) else None
    return tuple(own.entries) if isinstance(own, Fields) else ()


def put_in(name: str, pipeline: Fields, overrides: Mapping[str, str]) -> tuple[Fields, tuple[Finding, ...]]:
    """Return a pipeline with its parameters in place, and the findings on the way.

    Args:
        name: of the pipeline, for messages.
        pipeline: as written.
        overrides: values in place of those under "parameters", by name; other names are ignored.
    """
    entries = dict(pipeline.entries)
    values: dict[str, str] = {}
    own = pipeline.get("parameters")
    if isinstance(own, Fields):
        given = {
            key: Text(overrides.get(key, value), value.place) if isinstance(value, Text) else value
            for key, value in own.entries.items()
        }
        values = {key: value for key, value in given.items() if isinstance(value, Text)}
        entries = {key: Fields(own.place, given) if key == "parameters" else value for key, value in entries.items()}
    findings: list[Finding] = []
    verbatim = {key: value for key, value in entries.items() if key in _VERBATIM}
    others = Fields(pipeline.place, {key: value for key, value in entries.items() if key not in _VERBATIM})
    resolved = _put_into(others, values, name, findings)
    changed = resolved.entries if isinstance(resolved, Fields) else {}
    return Fields(pipeline.place, {key: verbatim[key] if key in verbatim else changed[key] for key in entries}), tuple(
        findings
    )


def _put_into(node: Node, parameters: Mapping[str, str], pipeline: str, findings: list[Finding]) -> Node:
    if isinstance(node, Fields):
        entries: dict[Text, Node] = {}
        for key, value in node.entries.items():
            changed = _put_into(value, parameters, pipeline, findings)
            if key in _VARIABLES and isinstance(changed, Fields):
                names = [_put_into(name, parameters, pipeline, findings) for name in changed.entries]
                pairs = zip(names, changed.entries.values())
                changed = Fields(changed.place, {name: one for name, one in pairs if isinstance(name, Text)})
            entries[key] = changed
        return Fields(node.place, entries)
    if isinstance(node, Items):
        return Items(node.place, tuple(_put_into(value, parameters, pipeline, findings) for value in node.values))

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            if match[0] == "#":
                # No more of the text, which may be a secret.
                what = f'"{node[match.start() : match.end() + 1]}" has a "#" that is no parameter.'
                findings.append(Finding(node.place, what, 'Write "##" for a #, or "#{name}" for a parameter.'))
            return "#"
        if name not in parameters:
            what = f'"#{{{name}}}" is no parameter of pipeline "{pipeline}".{suggestion(name, parameters)}'
            findings.append(
                Finding(node.place, what, 'Add it under "parameters:", or write "##{" for the text itself.')
            )
        return parameters.get(name, "")

    return Text(_PATTERN.sub(replace, node), node.place, node.written, is_absent=node.is_absent)
