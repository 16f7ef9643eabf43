"""JSON objects whose lists remember the line of each element.

Accepted: one object in UTF-8 (a byte order mark is ignored), or for the formats that are one, a list of them::

    {"images": [{"id": 1}, {"id": 2}], "info": {}}
    [{"id": 1}, {"id": 2}]

Refused: any other root, ``NaN`` and ``Infinity``, which JSON does not know. Messages are in a user's words, not those
of a parser.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.import_source import not_read
from edgetrain.core.system.files import open_text

_PIECE_LETTERS = 1 << 20
# At the end of a piece a word or a number may be cut, and seem faulty, or end too early.
_LONGEST_WORD, _NUMBERS_REST = 16, 4
# What is kept of an element of a list, by the name of the list.
Keep = Callable[[str, Any], Any]
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class LocatedObject:
    """The object of a file; ``lines`` gives the line (from 1) of each element of each list directly in it.

    A list is the object of one empty key.
    """

    values: dict[str, Any]
    lines: dict[str, list[int]]


def read_located(
    path: Path, name: str, reading: Reading, *, may_be_list: bool = False, keep: Keep | None = None
) -> LocatedObject | None:
    """Return the object in a file; ``None``, with a fault, where it cannot be read.

    The file is read in pieces, so no more of it is in memory than what is kept, and its longest value.

    Args:
        path: the file.
        name: what messages call it.
        reading: takes the fault.
        may_be_list: whether a list is accepted too; its elements are those of the key "".
        keep: what remains of an element (default: all).
    """
    try:
        with open_text(path, newline="", most_bytes=reading.most_bytes) as stream:
            return _Parser(stream, keep).root(may_be_list=may_be_list)
    except OSError as error:
        reading.fault(Place(name), not_read(error, reading))
    except UnicodeDecodeError as error:
        reading.fault(Place(name), f"not UTF-8 text ({error.reason}). Save it as UTF-8.")
    except json.JSONDecodeError as error:
        reading.fault(Place(name, error.lineno), f"this is not JSON: {_in_words(error)}. Correct the file.")
    except ValueError:
        reading.fault(Place(name), "a number has too many digits. Correct the file.")
    except RecursionError:
        reading.fault(Place(name), "its values are nested too deeply. Correct the file.")
    return None


def parse_located(text: str, *, may_be_list: bool = False) -> LocatedObject:
    """Return the object in a text; see :func:`read_located`.

    Raises:
        json.JSONDecodeError: the text is not one JSON object.
    """
    return _Parser(io.StringIO(text), None).root(may_be_list=may_be_list)


_WORDS = (
    ("Expecting property name", 'a name in double quotes is missing, or there is a comma before "}"'),
    ("Expecting ',' delimiter", "a comma is missing between two values, or a bracket at the end"),
    ("Expecting ':' delimiter", "a colon is missing after a name"),
    ("Illegal trailing comma", "there is a comma before a closing bracket"),
    ("Unterminated string", "a text has no closing quote"),
    ("Invalid control character", "a text contains a line break or another control character"),
    ("Invalid \\", 'a backslash is not escaped; write it twice, as in "C:\\\\pictures"'),
)


def _in_words(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "the file is empty"
    if error.msg.startswith("Expecting value"):
        if not error.doc[error.pos :].strip():
            return "the file ends too early; it was probably not saved or copied completely"
        sign = error.doc[error.pos : error.pos + 1]
        return f"{sign!r} is found where a value is expected"
    return next((words for start, words in _WORDS if error.msg.startswith(start)), error.msg)


class _Parser:
    """Walks over the root object itself and leaves everything below to the standard library."""

    def __init__(self, stream: TextIO, keep: Keep | None) -> None:
        self._stream, self._keep = stream, keep
        self._decoder = json.JSONDecoder(parse_constant=self._refuse)
        self._text, self._at, self._is_all = "", 0, False
        self._counted, self._line = 0, 1
        self._more(_PIECE_LETTERS)

    def root(self, *, may_be_list: bool) -> LocatedObject:
        found = LocatedObject({}, {})
        self._skip()
        if self._text.startswith("[", self._at):
            if not may_be_list:
                raise self._error('it is a list ("[" first), but this format needs one object ("{" first)')
            self._accept("[")
            found.values[""], found.lines[""] = self._elements("")
            return self._ended(found)
        if not self._text.startswith("{", self._at):
            raise self._error("Expecting value")
        self._expect("{")
        if not self._accept("}"):
            while True:
                key = self._key()
                found.values[key], found.lines[key] = self._elements(key) if self._accept("[") else (self._value(), [])
                if not self._accept(","):
                    break
            self._expect("}")
        return self._ended(found)

    def _ended(self, found: LocatedObject) -> LocatedObject:
        self._skip()
        if self._at != len(self._text):
            raise self._error("there is text after the object")
        return found

    def _key(self) -> str:
        self._skip()
        if not self._text.startswith('"', self._at):
            raise self._error('a name in double quotes is missing, as in {"images": []}')
        key = self._value()
        self._expect(":")
        return str(key)

    def _elements(self, key: str) -> tuple[list[Any], list[int]]:
        values: list[Any] = []
        lines: list[int] = []
        if self._accept("]"):
            return values, lines
        while True:
            self._skip()
            self._count_lines()
            lines.append(self._line)
            value = self._value()
            values.append(self._keep(key, value) if self._keep else value)
            if not self._accept(","):
                break
        self._expect("]")
        return values, lines

    def _value(self) -> Any:
        self._skip()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                near_end = error.pos + _LONGEST_WORD >= len(self._text)
                if self._is_all or not (near_end or error.msg.startswith("Unterminated string")):
                    raise self._error(error.msg, error.pos) from error
            else:
                if self._is_all or end + _NUMBERS_REST <= len(self._text):
                    self._at = end
                    return value
            self._more(max(_PIECE_LETTERS, len(self._text) - self._at))

    def _more(self, letters: int) -> bool:
        """Take a further piece of the file, and let go of what is behind; return whether there was one."""
        if self._is_all:
            return False
        piece = self._stream.read(letters)
        self._is_all = len(piece) < letters
        self._count_lines()
        self._text = self._text[self._at :] + piece
        self._at = self._counted = 0
        return True

    def _count_lines(self) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at

    def _skip(self) -> None:
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._more(_PIECE_LETTERS):
                return

    def _accept(self, sign: str) -> bool:
        self._skip()
        is_there = self._text.startswith(sign, self._at)
        self._at += is_there
        return is_there

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            is_cut = self._at >= len(self._text)
            text = "the file ends too early; it was probably not saved or copied completely"
            raise self._error(text if is_cut else f"{sign!r} is missing")

    def _error(self, message: str, place: int | None = None) -> json.JSONDecodeError:
        """Return the error at a place of the piece that is read, by default where it stands, with the file's line."""
        at = self._at if place is None else place
        error = json.JSONDecodeError(message, self._text, at)
        error.lineno = self._line + self._text.count("\n", self._counted, at)
        return error

    def _refuse(self, word: str) -> None:
        raise self._error(f"{word} is not a JSON number")
