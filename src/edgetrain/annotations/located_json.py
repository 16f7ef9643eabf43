"""JSON objects whose lists remember the line of each element.

Accepted: one object in UTF-8 (a byte order mark is ignored), or for the formats that are one, a list of them::

    {"images": [{"id": 1}, {"id": 2}], "info": {}}
    [{"id": 1}, {"id": 2}]

Refused: any other root, ``NaN`` and ``Infinity``, which JSON does not know. Messages are in a user's words, not those
of a parser.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.import_source import read_text

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class LocatedObject:
    """The object of a file; ``lines`` gives the line (from 1) of each element of each list directly in it.

    A list is the object of one empty key.
    """

    values: dict[str, Any]
    lines: dict[str, list[int]]


def read_located(path: Path, name: str, reading: Reading, *, may_be_list: bool = False) -> LocatedObject | None:
    """Return the object in a file; ``None``, with a fault, where it cannot be read.

    Args:
        path: the file.
        name: what messages call it.
        reading: takes the fault.
        may_be_list: whether a list is accepted too; its elements are those of the key "".
    """
    text = read_text(path, name, reading)
    try:
        return None if text is None else parse_located(text, may_be_list=may_be_list)
    except json.JSONDecodeError as error:
        reading.fault(Place(name, error.lineno), f"this is not JSON: {_in_words(error)}. Correct the file.")
    except RecursionError:
        reading.fault(Place(name), "its values are nested too deeply. Correct the file.")
    return None


def parse_located(text: str, *, may_be_list: bool = False) -> LocatedObject:
    """Return the object in a text; see :func:`read_located`.

    Raises:
        json.JSONDecodeError: the text is not one JSON object.
    """
    return _Parser(text).root(may_be_list=may_be_list)


_WORDS = (
    ("Expecting property name", 'a name in double quotes is missing, or a comma stands before "}"'),
    ("Expecting ',' delimiter", "a comma is missing between two values, or a bracket at the end"),
    ("Expecting ':' delimiter", "a colon is missing behind a name"),
    ("Illegal trailing comma", "a comma stands before a closing bracket"),
    ("Unterminated string", "a text has no closing quote"),
    ("Invalid control character", "a text has a line end or another control character in it"),
    ("Invalid \\", 'a backslash stands alone; write it twice, as in "C:\\\\pictures"'),
)


def _in_words(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "the file is empty"
    if error.msg.startswith("Expecting value"):
        if not error.doc[error.pos :].strip():
            return "the file ends too early, as one that was not saved or copied whole"
        sign = error.doc[error.pos : error.pos + 1]
        return f"{sign!r} stands where a value is expected"
    return next((words for start, words in _WORDS if error.msg.startswith(start)), error.msg)


class _Parser:
    """Walks over the root object itself and leaves everything below to the standard library."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._decoder = json.JSONDecoder(parse_constant=self._refuse)
        self._counted, self._line = 0, 1

    def root(self, *, may_be_list: bool) -> LocatedObject:
        found = LocatedObject({}, {})
        self._skip()
        if self._text.startswith("[", self._at):
            if not may_be_list:
                text = 'it is a list that begins with "[", where this format has one object that begins with "{"'
                raise json.JSONDecodeError(text, self._text, self._at)
            self._accept("[")
            found.values[""], found.lines[""] = self._elements()
            return self._ended(found)
        if not self._text.startswith("{", self._at):
            raise json.JSONDecodeError("Expecting value", self._text, self._at)
        self._expect("{")
        if not self._accept("}"):
            while True:
                key = self._key()
                found.values[key], found.lines[key] = self._elements() if self._accept("[") else (self._value(), [])
                if not self._accept(","):
                    break
            self._expect("}")
        return self._ended(found)

    def _ended(self, found: LocatedObject) -> LocatedObject:
        self._skip()
        if self._at != len(self._text):
            raise json.JSONDecodeError("something stands behind the object", self._text, self._at)
        return found

    def _key(self) -> str:
        self._skip()
        if not self._text.startswith('"', self._at):
            raise json.JSONDecodeError('a name in double quotes is missing, as in {"images": []}', self._text, self._at)
        key = self._value()
        self._expect(":")
        return str(key)

    def _elements(self) -> tuple[list[Any], list[int]]:
        values: list[Any] = []
        lines: list[int] = []
        if self._accept("]"):
            return values, lines
        while True:
            self._skip()
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
            lines.append(self._line)
            values.append(self._value())
            if not self._accept(","):
                break
        self._expect("]")
        return values, lines

    def _value(self) -> Any:
        self._skip()
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        return value

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _accept(self, sign: str) -> bool:
        self._skip()
        is_there = self._text.startswith(sign, self._at)
        self._at += is_there
        return is_there

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            is_cut = self._at >= len(self._text)
            text = (
                "the file ends too early, as one that was not saved or copied whole"
                if is_cut
                else f"{sign!r} is missing"
            )
            raise json.JSONDecodeError(text, self._text, self._at)

    def _refuse(self, word: str) -> None:
        raise json.JSONDecodeError(f"{word} is no number of JSON", self._text, self._at)
