"""The exact text of a Pascal VOC annotation: where each value stands in its bytes, and edits that touch nothing else.

Accepted: what :mod:`edgetrain.annotations.voc` reads without a fault, in an encoding that expat knows (UTF-8, UTF-16,
Latin-1 and other 8-bit ones). Whatever is not edited stays byte for byte: byte order mark, declaration, line ends,
comments, order. Refused: to edit a value that holds a comment, an entity or another element.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Optional
from xml.parsers import expat

_BLANK = " \t\r\n\ufeff\u00a0"
_MARKS = (
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)


class UneditableError(ValueError):
    """The text cannot be changed without touching more than the value; the message says why."""


@dataclass
class Element:
    """One element's place in the bytes: from ``start`` to ``end``, its content between ``inner_start``, ``inner_end``.

    An element without end tag (``<size/>``) has no content: ``inner_start`` is -1.
    """

    name: str
    start: int
    line: int
    inner_start: int = -1
    inner_end: int = -1
    end: int = -1
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Optional[Element]:
        """Return the first child of a name, ``None`` if there is none."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> list[Element]:
        """Return all children of a name in the order of the file."""
        return [child for child in self.children if child.name == name]


@dataclass(frozen=True, order=True)
class Edit:
    """New text for the bytes from ``start`` to ``end``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class VocText:
    """An annotation file's bytes, their encoding and the places of its elements."""

    data: bytes
    encoding: str
    root: Element

    def value_edit(self, element: Element, text: str) -> Edit:
        """Return the edit that gives an element another text; the white space around the old one stays.

        Raises:
            UneditableError: the element holds more than text.
        """
        if element.inner_start < 0:
            return Edit(element.start, element.end, f"<{element.name}>{escape(text, quote=False)}</{element.name}>")
        old = self._decoded(element.inner_start, element.inner_end)
        if element.children or re.search("[<&]", old):
            raise UneditableError(f"<{element.name}> holds more than text")
        before = len(old) - len(old.lstrip(_BLANK))
        after = len(old) - len(old.rstrip(_BLANK)) if old.strip(_BLANK) else 0
        start = element.inner_start + len(old[:before].encode(self.encoding))
        end = element.inner_end - len(old[len(old) - after :].encode(self.encoding))
        return Edit(start, end, escape(text, quote=False))

    def child_edit(self, parent: Element, name: str, content: str | Sequence[tuple[str, str]], before: str) -> Edit:
        """Return the edit that adds a child, on a line of its own if its siblings have one.

        Args:
            parent: an element of this text.
            name: of the child.
            content: the child's text, or names and texts of its own children.
            before: names of the siblings that the child precedes, separated by spaces; without one it comes last.
        """
        if parent.inner_start < 0:
            raise UneditableError(f"<{parent.name}/> has no end tag")
        later = next((child for child in parent.children if child.name in before.split()), None)
        place = later.start if later else parent.inner_end
        place -= len(self._blank_before(place).encode(self.encoding))
        lead = self._blank_before(parent.children[0].start) if parent.children else ""
        return Edit(place, place, f"{lead}{self._element(name, content, lead)}")

    def edited(self, edits: Sequence[Edit]) -> bytes:
        """Return the file's bytes with edits that do not overlap; letters its encoding lacks become references."""
        parts, place = [], 0
        for edit in sorted(edits):
            parts += [self.data[place : edit.start], edit.text.encode(self.encoding, "xmlcharrefreplace")]
            place = edit.end
        return b"".join([*parts, self.data[place:]])

    def lines(self) -> list[str]:
        """Return the file's lines as text, for a diff."""
        return self.data.decode(self.encoding, "replace").splitlines()

    def _element(self, name: str, content: str | Sequence[tuple[str, str]], lead: str) -> str:
        if isinstance(content, str):
            return f"<{name}>{escape(content, quote=False)}</{name}>"
        inner = lead + (_indentation(lead) if "\n" in lead else "")
        return f"<{name}>{''.join(f'{inner}<{key}>{text}</{key}>' for key, text in content)}{lead}</{name}>"

    def _decoded(self, start: int, end: int) -> str:
        return self.data[start:end].decode(self.encoding)

    def _blank_before(self, place: int) -> str:
        """Return the white space that ends at a place."""
        text = self.data[:place].decode(self.encoding, "replace")
        return text[len(text.rstrip(" \t\r\n")) :]


def _indentation(lead: str) -> str:
    """Return one level of indentation, given the white space before an element of the first level."""
    return lead.rpartition("\n")[2]


def parse_text(data: bytes) -> VocText:
    """Return the places of all elements of an annotation.

    Args:
        data: XML that the reader of annotations accepted: it declares no document type.

    Raises:
        UneditableError: expat does not know the encoding, or the bytes are not of it.
    """
    builder = _Builder(data)
    try:
        builder.parser.Parse(data, True)  # noqa: FBT003 - expat's own flag
        builder.data.decode(builder.encoding)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise UneditableError(f"the file's encoding cannot be edited ({error})") from error
    return VocText(data, builder.encoding, builder.root)


class _Builder:
    """Gathers the elements while expat reads; every event tells where the one before it ended."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root = Element("", 0, 1)
        self.encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
        self._is_marked = self.encoding != "utf-8"
        self._open: list[Element] = [self.root]
        self._begun: Optional[Element] = None
        self._ended: Optional[Element] = None
        self.parser = expat.ParserCreate()
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.DefaultHandler = lambda _text: self._here()

    def _declaration(self, _version: str, encoding: Optional[str], _standalone: int) -> None:
        if encoding and not self._is_marked:
            self.encoding = codecs.lookup(encoding).name

    def _here(self) -> int:
        """Note where the event before this one ended."""
        place = self.parser.CurrentByteIndex
        if self._begun is not None:
            self._begun.inner_start = place
        if self._ended is not None:
            self._ended.end = place
        self._begun = self._ended = None
        return place

    def _start(self, name: str, _attributes: object) -> None:
        element = Element(name, self._here(), self.parser.CurrentLineNumber)
        if len(self._open) == 1:
            self.root = element
        self._open[-1].children.append(element)
        self._open.append(element)
        self._begun = element

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        place = self.parser.CurrentByteIndex
        is_bare = self._begun is element and self.data[:place].endswith("/>".encode(self.encoding))
        if is_bare:
            self._begun = None
            element.end = place
            return
        element.inner_end = self._here()
        self._ended = element
