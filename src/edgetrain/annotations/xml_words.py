"""What the parser of XML says, in a user's words: what is wrong, and what helps."""

from __future__ import annotations

_AMPERSAND = ('an "&" stands alone, or a ";" is missing behind it', "Write & as &amp;.")
_CUT = ("the file ends too early, as one that was not saved or copied whole", "Save or copy it again.")
_EMPTY = (
    "the file is empty",
    "For a picture without objects, write <annotation><filename>PICTURE.jpg</filename></annotation>.",
)
_BEHIND = ("something stands behind the end of the annotation", "Keep one root element in a file.")
_NOT_CLOSED = ("an element is not closed, or another one is", "Close it by its own name.")
_NO_XML = ('it does not begin with "<"', "Export the labels as XML, or remove the file.")
_BEFORE = ("something stands before <?xml", "Remove what stands before it.")
_ENCODING = ("it declares an encoding that is not known", "Save it as UTF-8, and declare that.")
# libxml2: github.com/GNOME/libxml2, parserInternals.c.
_WORDS = (
    ("xmlParseEntityRef: no name", _AMPERSAND),
    ("EntityRef: expecting", _AMPERSAND),
    ("StartTag: invalid element name", ('a "<" stands alone', "Write < as &lt;.")),
    ("Document is empty", _EMPTY),
    ("Start tag expected", _NO_XML),
    ("Extra content at the end", _BEHIND),
    ("Opening and ending tag mismatch", _NOT_CLOSED),
    ("Premature end of data", _CUT),
    ("Couldn't find end of Start Tag", _CUT),
    ("Unsupported encoding", _ENCODING),
    ("Input is not proper UTF-8", ("it is not UTF-8, and declares no other encoding", "Save it as UTF-8.")),
    ("XML declaration allowed only", _BEFORE),
    ("XML or text declaration not at start", _BEFORE),
    ("AttValue", ('the value of an attribute is not in quotes, or has a "<" in it', "Correct it.")),
    ("no element found", _EMPTY),
    (
        "limit exceeded",
        ("a tag, a text or the depth of the elements is beyond any limit", "See what wrote this file."),
    ),
    ("not defined", ("it names an entity, which annotations need not have", "Write the letter itself.")),
    ("redefined", ("an attribute stands twice", "Remove one of the two.")),
    (
        "Invalid bytes in character encoding",
        ("its bytes are not of the encoding that it declares", "Save it as UTF-8."),
    ),
)


def in_words(reason: str) -> tuple[str, str]:
    """Return what a parser's message means, and what helps; the message itself where that is not known."""
    return next((words for start, words in _WORDS if start in reason), (reason, "Correct the file."))
