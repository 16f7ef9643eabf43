"""Label maps of the Object Detection API, ``StringIntLabelMap`` as protobuf text.

Accepted: protobuf's text format, of which ``id``, ``name`` and ``display_name`` are used and other fields skipped::

    # comment
    item {
      id: 1
      name: 'boat'
    }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgetrain.core.errors import LabelMapError, MissingInputError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.system.files import file_content, write_text

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f\v\ufeff]+|\#[^\n]*)
      | (?P<text>"(?:[^"\\\n]|\\.){0,10000}"|'(?:[^'\\\n]|\\.){0,10000}')
      | (?P<word>[A-Za-z0-9_.+-]+)
      | (?P<sign>[{}<>:;,\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(
    rb"\\(?:(?P<octal>[0-7]{1,3})|[xX](?P<hex>[0-9A-Fa-f]{1,2})|u(?P<short>[0-9A-Fa-f]{4})"
    rb"|U(?P<long>[0-9A-Fa-f]{8})|(?P<letter>.))"
)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_QUOTES = ("'", '"')
_LITERAL = b"\\'\"?"
_CLOSING = {"{": "}", "<": ">", "[": "]"}
_FIX = 'The form is: item { id: 1 name: "boat" }.'
# No dataset has as many classes, nor a name of such a length; a stranger's file of 32 MiB may.
_MOST_ITEMS, _MOST_LETTERS, _SHOWN = 100_000, 10_000, 40


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class _Item:
    """An item of a label map: its id, its names (``display_name`` empty where there is none), its line."""

    class_id: int
    name: str
    display_name: str
    line: int


def parse_label_map(text: str, name: str, used: Iterable[str] = ()) -> LabelMap:
    """Return the label map of a text.

    Args:
        text: protobuf text.
        name: what messages call its file.
        used: the classes of the boxes, if they are known. Where these are the ``display_name`` of the items and none
            is a ``name``, such as Open Images' ``/m/01yrx``, the former are the classes.

    Raises:
        LabelMapError: the text is malformed, or its ids or names are not those of a label map.
    """
    parser = _Parser(_tokens(text, name), name)
    items = []
    while parser.peek().kind != "end":
        items.append(parser.item())
        if len(items) > _MOST_ITEMS:
            raise _refused(name, items[-1].line, f"there are more than {_MOST_ITEMS:,} items", "See what wrote this.")
    _refuse_wrong_ids(items, name)
    classes = set(used)
    are_displayed = not classes & {item.name for item in items} and classes & {item.display_name for item in items}
    pairs = [(item.class_id, (item.display_name if are_displayed else "") or item.name, item.line) for item in items]
    known: dict[str, int] = {}
    for _, own, line in pairs:
        if known.setdefault(own, line) != line:
            raise _refused(name, line, f"class {own!r} is in line {known[own]} already", "Remove one of the two.")
    try:
        return LabelMap.from_items((class_id, own) for class_id, own, _ in pairs)
    except LabelMapError as error:
        line = next((line for _, own, line in pairs if not own or own != own.strip()), 1)
        raise LabelMapError(f"{name}:{line}: {error}", line=line, reason=str(error).rstrip(".")) from error


def _refuse_wrong_ids(items: Sequence[_Item], name: str) -> None:
    """Refuse, at its line, the first item by which the ids are not 1, 2, 3, … without a gap."""
    known: dict[int, int] = {}
    for item in items:
        if item.class_id in known:
            reason = f"the id {item.class_id} is in line {known[item.class_id]} already"
            raise _refused(name, item.line, reason, "Renumber one of the two.")
        known[item.class_id] = item.line
    for expected, item in enumerate(sorted(items, key=lambda item: item.class_id), start=1):
        if item.class_id != expected:
            ids = ", ".join(map(str, sorted(known)[:_SHOWN])) + (", …" if len(known) > _SHOWN else "")
            reason = f"the id {item.class_id} of {item.name!r} is where {expected} is missing: the ids are"
            reason += f" [{ids}], but must be 1 to {len(items)} without a gap (0 is the background)"
            raise _refused(name, item.line, reason, "Renumber them, or remove the file to have it made anew.")


def read_label_map(path: Path, *, within: Path | None = None, used: Iterable[str] = ()) -> LabelMap:
    """Return the label map of a file.

    Args:
        path: the file.
        used: the classes of the boxes, if they are known; see :func:`parse_label_map`.
        within: the dataset, if it is one of it: no link may lead out.

    Raises:
        MissingInputError: there is no such file.
        LabelMapError: it cannot be read or is malformed.
    """
    try:
        text = file_content(path, within=within).decode("utf-8")
    except FileNotFoundError as error:
        raise MissingInputError(f'{path}: no label map. Run "ci/inv label-map" first.') from error
    except OSError as error:
        reason, fix = f"cannot be read ({error.strerror})", "Fix or remove the file."
        raise LabelMapError(f"{path}: {reason}. {fix}", reason=reason, fix=fix) from error
    except UnicodeDecodeError as error:
        reason, fix = f"not UTF-8 text ({error.reason})", "Save it as UTF-8."
        line = error.object[: error.start].count(b"\n") + 1
        raise LabelMapError(f"{path}: {reason}. {fix}", line=line, reason=reason, fix=fix) from error
    return parse_label_map(text, str(path), used)


def render_label_map(label_map: LabelMap) -> str:
    """Return the text of a label map, one item for each class in the order of the ids."""
    items = enumerate(label_map.names, start=1)
    return "".join(f"item {{\n  id: {class_id}\n  name: '{_escape(name)}'\n}}\n" for class_id, name in items)


def write_label_map(path: Path, label_map: LabelMap) -> None:
    """Write :func:`render_label_map` to ``path``, whole or not at all."""
    write_text(path, render_label_map(label_map))


def _escape(name: str) -> str:
    """Return a name as it stands between single quotes; control characters become octal numbers."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(f"\\{ord(letter):03o}" if letter < " " or letter == "\x7f" else letter for letter in quoted)


def _unescape(quoted: str) -> bytes:
    """Return the bytes between the quotes of a token.

    Raises:
        ValueError: an escape does not exist.
    """
    return _ESCAPE.sub(_unescaped, quoted[1:-1].encode())


def _unescaped(found: re.Match[bytes]) -> bytes:
    for group, base in (("octal", 8), ("hex", 16)):
        if found[group] is not None:
            return bytes([int(found[group], base) & 0xFF])
    digits = found["short"] or found["long"]
    if digits is not None:
        return chr(int(digits, 16)).encode()
    letter = found["letter"]
    if letter not in _LETTERS and letter not in _LITERAL:
        raise ValueError(f"the escape \\{letter.decode(errors='replace')} does not exist")
    return _LETTERS.get(letter, letter)


def _malformed(name: str, line: int, reason: str) -> LabelMapError:
    return _refused(name, line, reason, _FIX)


def _refused(name: str, line: int, reason: str, fix: str) -> LabelMapError:
    return LabelMapError(f"{name}:{line}: {reason}. {fix}", line=line, reason=reason, fix=fix)


def _tokens(text: str, name: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            is_long = text[position] in _QUOTES and "\n" not in text[position : position + _MOST_LETTERS]
            reason = f"{text[position]!r} is not expected here" + (": the text has no near end" if is_long else "")
            raise _malformed(name, line, reason)
        if found.lastgroup and found.lastgroup != "space":
            yield _Token(found.lastgroup, found.group(), line)
        line += found.group().count("\n")
        position = found.end()
    while True:
        yield _Token("end", "the end of the file", line)


class _Parser:
    """Reads tokens from the first to the last; raises :class:`LabelMapError` with the line of the first wrong one."""

    def __init__(self, tokens: Iterator[_Token], name: str) -> None:
        self._tokens = tokens
        self._token = next(tokens)
        self._name = name

    def peek(self) -> _Token:
        return self._token

    def item(self) -> _Item:
        """Read ``item { … }``."""
        start = self.peek()
        if self._next().text != "item":
            raise self._error(start, f"{start.text} is not expected here")
        closing = self._opening()
        values: dict[str, int | str] = {}
        while self.peek().text != closing:
            key = self._key()
            if key.text in values:
                raise self._error(key, f"{key.text} occurs twice")
            if key.text in ("id", "name", "display_name"):
                values[key.text] = self._number() if key.text == "id" else self._string()
            else:
                self._skip_value()
            self._separator()
        self._next()
        self._separator()
        class_id, shown = values.get("id"), str(values.get("display_name", ""))
        name = values.get("name", shown or None)
        if not isinstance(class_id, int) or not isinstance(name, str):
            raise self._error(start, f"an item has no {'name' if name is None else 'id'}")
        return _Item(class_id, name, shown, start.line)

    def _next(self) -> _Token:
        token, self._token = self._token, next(self._tokens)
        return token

    def _error(self, token: _Token, message: str) -> LabelMapError:
        return _malformed(self._name, token.line, message)

    def _separator(self) -> None:
        if self.peek().text in {",", ";"}:
            self._next()

    def _opening(self) -> str:
        """Read ``{`` or ``<``, with or without a colon before it, and return what closes it."""
        if self.peek().text == ":":
            self._next()
        token = self._next()
        if token.text not in {"{", "<"}:
            raise self._error(token, f"{token.text} stands where {{ is expected")
        return _CLOSING[token.text]

    def _key(self) -> _Token:
        token = self._next()
        if token.kind != "word":
            raise self._error(token, f"{token.text} stands where a field or }} is expected")
        return token

    def _colon(self) -> None:
        token = self._next()
        if token.text != ":":
            raise self._error(token, f"{token.text} stands where : is expected")

    def _number(self) -> int:
        self._colon()
        token = self._next()
        if not re.fullmatch(r"-?[0-9]{1,18}", token.text):
            raise self._error(token, f"id is {token.text}, not a whole number")
        return int(token.text)

    def _string(self) -> str:
        """Read quoted texts that stand one after another, as one."""
        self._colon()
        first = self.peek()
        parts, letters = [], 0
        while self.peek().kind == "text":
            parts.append(self._next().text)
            letters += len(parts[-1])
            if letters > _MOST_LETTERS:
                raise self._error(first, f"a name has more than {_MOST_LETTERS:,} letters")
        if not parts:
            raise self._error(first, f"name is {first.text}, which is not in quotes")
        try:
            return b"".join(_unescape(part) for part in parts).decode()
        except ValueError as error:
            raise self._error(first, f"the name {' '.join(parts)} cannot be read: {error}") from error

    def _skip_value(self) -> None:
        """Read a value of any kind: number, word, texts, list or message."""
        if self.peek().text == ":":
            self._next()
        token = self._next()
        if token.text in _CLOSING:
            self._skip_to(_CLOSING[token.text])
        elif token.kind == "text":
            while self.peek().kind == "text":
                self._next()
        elif token.kind != "word":
            raise self._error(token, f"{token.text} is found where a value is expected")

    def _skip_to(self, closing: str) -> None:
        missing = [closing]
        while missing:
            token = self._next()
            if token.kind == "end":
                raise self._error(token, f"{missing[-1]} is missing")
            if token.text == missing[-1]:
                missing.pop()
            elif token.text in _CLOSING:
                missing.append(_CLOSING[token.text])
