"""The elements of an XML file of any length, one after the other, with their lines: no tree of it is held in memory.

Nothing is fetched or expanded: a document type ends the reading before anything that it declares is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

from lxml import etree

from edgetrain.annotations.xml_words import in_words

# A file of one line is read in pieces, too.
_PIECE_BYTES = 1 << 16
_PLACE_IN_MESSAGE = re.compile(r",? *line \d+, column \d+.*", re.DOTALL)


class MalformedXmlError(Exception):
    """The file is not well-formed from a line on; ``meaning`` says in what way, ``fix`` what to do."""

    def __init__(self, line: int, meaning: str, fix: str) -> None:
        """Keep the parts."""
        super().__init__(f"{line}: {meaning}. {fix}")
        self.line, self.meaning, self.fix = line, meaning, fix


class XmlEvents:
    """What a reader of elements does at each of them; what it raises ends the reading.

    ``line`` is the one that is read, from 1: at a start that on which the tag ends.
    """

    line = 1

    def doctype(self, _name: str | None, _public: str | None, _system: str | None) -> None:
        """Take note that a document type is declared."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take note of an element that begins."""

    def end(self, tag: str) -> None:
        """Take note of an element that ends."""

    def data(self, text: str) -> None:
        """Take note of a piece of text."""

    def close(self) -> None:
        """Take note that the file has ended."""


def follow(stream: BinaryIO, events: XmlEvents) -> None:
    """Have each element of a file noted, in their order.

    Raises:
        MalformedXmlError: it is not well-formed XML, or in an encoding that is not known.
    """
    parser = etree.XMLParser(
        target=events,  # type: ignore[arg-type]  # its stubs ask for more than it needs
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        collect_ids=False,
    )
    try:
        # A line at a time: so the line of what is noted is known, also beyond the 65,535 lines that libxml2 counts.
        while piece := stream.readline(_PIECE_BYTES):
            parser.feed(piece)
            events.line += piece.endswith(b"\n")
        parser.close()
    except etree.XMLSyntaxError as error:
        meaning, fix = in_words(_PLACE_IN_MESSAGE.sub("", error.msg or ""))
        raise MalformedXmlError(max(1, error.lineno or 1), meaning, fix) from error
