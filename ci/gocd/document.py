"""A pipeline file's YAML as nodes that know their line: the door to PyYAML here.

Read as GoCD's plugin reads it: every scalar is text (``010``, ``on`` and ``~`` too), anchors, aliases and ``<<`` work,
and a key that occurs twice is a fault, also where ``<<`` brings the other one. What the plugin drops without a word (a
second document) is a fault as well.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

import yaml

from ci.gocd.findings import Finding
from ci.gocd.pipelines import Place
from edgetrain.core.errors import SettingsError

# Nodes after all aliases are put in: a file of a hundred lines can mean billions.
_MOST_NODES = 100_000
_NO_LETTER = "\N{REPLACEMENT CHARACTER}"
_MERGE = "tag:yaml.org,2002:merge"


class Text(str):
    """A scalar: its text, where it stands, and as it was written before parameters were put in."""

    __slots__ = ("is_absent", "place", "written")
    place: Place
    written: str
    is_absent: bool

    def __new__(cls, value: str, place: Place, written: Optional[str] = None, *, is_absent: bool = False) -> Text:  # noqa: PYI034 - Python 3.9 has no Self
        """Make one; ``is_absent``: nothing stands after the key's colon."""
        text = super().__new__(cls, value)
        text.place = place
        text.written = value if written is None else written
        text.is_absent = is_absent
        return text

    def __reduce__(self) -> tuple[type[Text], tuple[str, Place, str]]:
        """Copies and pickles keep the place."""
        return Text, (str(self), self.place, self.written)


@dataclass(frozen=True)
class Items:
    """A list."""

    place: Place
    values: tuple[Node, ...]


@dataclass(frozen=True)
class Fields:
    """A map, in the order of the file, what ``<<`` brings included; the keys know where they stand."""

    place: Place
    entries: Mapping[Text, Node]

    def get(self, key: str) -> Optional[Node]:
        """Return the value of a key, or ``None``."""
        return next((value for known, value in self.entries.items() if known == key), None)

    def place_of(self, key: str) -> Place:
        """Return where a key stands; for one that is absent, where the map begins."""
        return next((known.place for known in self.entries if known == key), self.place)


Node = Union[Text, Items, Fields]


def place_of(value: str, default: Place) -> Place:
    """Return where a value stands, or where what it belongs to stands if it is a default."""
    return value.place if isinstance(value, Text) else default


def read_document(path: Path) -> tuple[Optional[Fields], tuple[Finding, ...]]:
    """Return a file's map, and what is wrong with the YAML; ``None`` where there is no map at all.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read ({error.strerror}). Correct the name or the permissions."
        ) from error
    # GoCD reads what is not UTF-8 as this letter, too; in a comment that is no harm.
    text = data.decode("utf-8-sig", "replace")
    reading = _Reading(str(path), is_damaged=text.count(_NO_LETTER) != data.count(_NO_LETTER.encode()))
    if data.startswith(codecs.BOM_UTF8):
        reading.complain(1, "begins with a byte order mark: GoCD takes it for a part of the first key.", "Remove it.")
    try:
        node = reading.document(text)
    except RecursionError:
        reading.complain(1, "is nested too deeply.", "Write it flatter.")
        node = None
    return node, tuple(reading.findings)


class _Reading:
    """The way of one text to nodes; findings are collected on it."""

    def __init__(self, file: str, *, is_damaged: bool) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._is_damaged = is_damaged
        self._count = 0

    def complain(self, line: int, what: str, remedy: str) -> None:
        self.findings.append(Finding(Place(self._file, line), what, remedy))

    def document(self, text: str) -> Optional[Fields]:
        try:
            documents = list(yaml.compose_all(text, yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(str(error.problem or error.context).split())
            self.complain(mark.line + 1 if mark else 1, f"is not valid YAML: {problem}.", "Correct the line.")
            return None
        except yaml.YAMLError as error:
            self.complain(1, f"is not valid YAML: {' '.join(str(error).split())}.", "Remove the character.")
            return None
        if not documents or not isinstance(documents[0], yaml.MappingNode):
            self.complain(
                1, "holds no pipelines.", 'Begin with "format_version: 10" and "pipelines:", or remove the file.'
            )
            return None
        for further in documents[1:]:
            self.complain(_line(further), "GoCD ignores a second YAML document.", "Move it to a file of its own.")
        return self._fields(documents[0], ())

    def _node(self, node: yaml.Node, above: tuple[int, ...]) -> Node:
        self._count += 1
        place = self._place(node)
        if id(node) in above:
            self.complain(place.line, "an alias refers to what it stands in.", "Write it out.")
            return Text("", place)
        if self._count > _MOST_NODES:
            if self._count == _MOST_NODES + 1:
                self.complain(place.line, f"aliases make more than {_MOST_NODES} values of this file.", "Use fewer.")
            return Text("", place)
        if isinstance(node, yaml.MappingNode):
            return self._fields(node, above)
        if isinstance(node, yaml.SequenceNode):
            return Items(place, tuple(self._node(item, (*above, id(node))) for item in node.value))
        self._require_letters(node)
        return Text(node.value, place, is_absent=not node.value and getattr(node, "style", None) is None)

    def _fields(self, node: yaml.MappingNode, above: tuple[int, ...]) -> Fields:
        entries: dict[Text, Node] = {}
        merged: set[Text] = set()
        for key, value, is_merged in self._pairs(node, (*above, id(node))):
            if key not in entries:
                entries[key] = value
                merged |= {key} if is_merged else set()
                continue
            first = next(known for known in entries if known == key)
            place, other = (first.place, key.place) if is_merged else (key.place, first.place)
            through = ' through "<<", which cannot be overridden' if is_merged or key in merged else ""
            what = f'"{key}" occurs twice (also in line {other.line}){through}: GoCD refuses that.'
            self.findings.append(Finding(place, what, "Keep one of them."))
        return Fields(self._place(node), entries)

    def _pairs(self, node: yaml.MappingNode, above: tuple[int, ...]) -> Iterator[tuple[Text, Node, bool]]:
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(_line(key_node), "a key is a list or a map.", "Write a name before the colon.")
            elif key_node.tag != _MERGE:
                self._require_letters(key_node)
                yield Text(key_node.value, self._place(key_node)), self._node(value_node, above), False
            else:
                yield from self._merged(value_node, above)

    def _merged(self, node: yaml.Node, above: tuple[int, ...]) -> Iterator[tuple[Text, Node, bool]]:
        brought = self._node(node, above)
        for fields in brought.values if isinstance(brought, Items) else (brought,):
            if isinstance(fields, Fields):
                yield from ((key, value, True) for key, value in fields.entries.items())
            else:
                self.complain(_line(node), '"<<" brings something that is no map.', "Name an anchor of a map.")

    def _require_letters(self, node: yaml.Node) -> None:
        if self._is_damaged and _NO_LETTER in node.value:
            self.complain(_line(node), "is not UTF-8.", "Save the file as UTF-8.")

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, _line(node))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
