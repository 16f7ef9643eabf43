"""Pascal VOC annotations in the form that labelling programs write: read in three fifths of the time that lxml takes.

Accepted: ASCII text without references, comments, instructions and carriage returns, and these elements in this order,
those in brackets optional::

    <annotation [verified="…"]> [folder] filename [path] [source/database] size/(width height [depth]) [segmented]
        any number of: object/(name [pose] [truncated] [difficult] bndbox/(xmin ymin xmax ymax))
    </annotation>

Everything else, what is faulty above all, is left to :mod:`edgetrain.annotations.voc`, whose word counts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from edgetrain.core.annotation import Annotation, BoxLines, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize

# Printable ASCII without & < >, of a length that any parser takes.
_TEXT = "[ -%'-;=?-~]{0,999}"
_NAME = "[!-%'-;=?-~](?:[ -%'-;=?-~]{0,999}[!-%'-;=?-~])?"
_WHOLE, _NUMBER = "[0-9]{1,9}", r"[0-9]{1,9}(?:\.[0-9]{1,9})?"


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>[ \t\n]*"


def _group(name: str, *content: str) -> str:
    return _element(name, "[ \t\n]*" + "".join(content))


def _optional(element: str) -> str:
    return f"(?:{element})?"


_HEAD = re.compile(
    "".join(
        (
            '<annotation(?: verified="(?:yes|no)")?>[ \t\n]*',
            _optional(_element("folder", _TEXT)),
            _element("filename", f"({_NAME})"),
            _optional(_element("path", _TEXT)),
            _optional(_group("source", _element("database", _TEXT))),
            _group(
                "size",
                _element("width", f"({_WHOLE})"),
                _element("height", f"({_WHOLE})"),
                _optional(_element("depth", _TEXT)),
            ).replace("<size>", "(<size>)", 1),
            _optional(_element("segmented", _TEXT)),
        )
    ).encode()
)
_OBJECT = re.compile(
    _group(
        "object",
        _element("name", f"({_NAME})"),
        *(_optional(_element(name, _TEXT)) for name in ("pose", "truncated")),
        _optional(_element("difficult", "([01])")),
        _group("bndbox", *(_element(side, f"({_NUMBER})") for side in ("xmin", "ymin", "xmax", "ymax"))),
    ).encode()
)
_END = re.compile(b"</annotation>[ \t\n]*")


# Nearly all files of a dataset are of this form, and parsing is most of what the review does with them: 19 microseconds
# for each of 5,000 annotations that labelImg wrote, 31 by way of lxml.
def parse_plain(data: bytes, path: Path) -> Optional[Annotation]:
    """Return the annotation in a file's bytes, ``None`` where they are of another form.

    Args:
        data: the file's content.
        path: becomes the annotation's path; nothing is read from it.
    """
    head = _HEAD.match(data)
    if head is None:
        return None
    boxes = []
    place, line = head.end(), _line(data, head.end())
    while found := _OBJECT.match(data, place):
        boxes.append(_labelled_box(data, found, line))
        place = found.end()
        line += data.count(b"\n", found.start(), place)
    if not _END.fullmatch(data, place):
        return None
    filename, width, _, height = head.group(1, 3, 2, 4)
    return Annotation(
        path=path,
        filename=filename.decode(),
        filename_line=_line(data, head.start(1)),
        size=ImageSize(int(width), int(height)),
        size_line=_line(data, head.start(2)),
        boxes=tuple(boxes),
    )


def _labelled_box(data: bytes, found: re.Match[bytes], line: int) -> LabelledBox:
    name, difficult, *sides = found.groups()
    first = found.start()
    lines = [line + data.count(b"\n", first, found.start(group)) for group in (1, 3, 4, 5, 6)]
    box = BoundingBox(*map(float, sides))
    return LabelledBox(name.decode(), box, line, difficult == b"1", BoxLines(*lines))


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
