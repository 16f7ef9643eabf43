"""How much an annotation may hold before it is parsed: what a parser makes of a file takes twenty times its size.

A stranger's file of 27 MB can have 200,000 boxes, or 3 million elements. It is a finding by its counts alone, in a few
milliseconds, and is never parsed.
"""

from __future__ import annotations

MOST_OBJECTS = 10_000
_MOST_MARKS = 400_000  # an object as labelImg writes it has 24
_MOST_FOREIGN_BYTES = 1 << 20
_UTF8 = (b"", b"utf-8", b"utf8", b"us-ascii", b"ascii")
EXCESS_FIX = "Split the picture and its annotation into smaller ones, or check the program that wrote this file."


def excess(data: bytes) -> str:
    """Return what there is too much of in an annotation file, as a sentence; empty where it may be parsed.

    Args:
        data: the file's content.
    """
    if len(data) <= _MOST_FOREIGN_BYTES:
        return ""
    # In UTF-16 and UTF-32 there are NUL bytes between the letters of ASCII text.
    text = data.replace(b"\0", b"") if b"\0" in data else data
    if not _counts_tell(text):
        return f"the file is not UTF-8, and larger than {_MOST_FOREIGN_BYTES >> 20} MiB, so it is not read."
    objects = text.count(b"<object")
    if objects > MOST_OBJECTS:
        return f"the file has {objects:,} objects; the limit is {MOST_OBJECTS:,}, so it is not read."
    # Every element and attribute has one of these.
    marks = text.count(b"<") + text.count(b"=")
    if marks > _MOST_MARKS:
        return f"the file has {marks:,} tags and attributes; the limit is {_MOST_MARKS:,}, so it is not read."
    return ""


def _counts_tell(text: bytes) -> bool:
    """Return whether ASCII signs stand for themselves: in EBCDIC and UTF-7 they do not."""
    start = text[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not start.startswith(b"<"):
        return False
    head = start.partition(b">")[0].lower() if start.startswith(b"<?xml") else b""
    return b"utf-7" not in head and b"ebcdic" not in head and (b"encoding" not in head or _is_ascii_based(head))


def _is_ascii_based(head: bytes) -> bool:
    encodings = (b"utf-8", b"utf8", b"ascii", b"utf-16", b"utf-32", b"iso-8859", b"latin", b"windows-125", b"cp125")
    return any(encoding in head for encoding in encodings)
