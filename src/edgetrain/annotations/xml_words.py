"""What the parser of XML says, in a user's words: what is wrong, and what helps."""

from __future__ import annotations

_AMPERSAND = ('an "&" is not escaped, or the ";" after it is missing', "Write & as &amp;.")
_CUT = ("the file ends too early; it was probably not saved or copied completely", "Save or copy it again.")
_EMPTY = (
    "the file is empty",
    "For a picture without objects, write <annotation><filename>PICTURE.jpg</filename></annotation>.",
)
_BEHIND = ("there is text after the end of the annotation", "Keep one root element per file.")
_NOT_CLOSED = ("an element is not closed, or is closed by the wrong tag", "Close it with its own name.")
_NO_XML = ('it does not begin with "<"', "Export the labels as XML, or remove the file.")
_BEFORE = ("there is text before <?xml", "Remove the text before it.")
_ENCODING = ("it declares an unknown encoding", "Save it as UTF-8 and declare UTF-8.")
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
    ("Input is not proper UTF-8", ("it is not UTF-8 and declares no other encoding", "Save it as UTF-8.")),
    ("XML declaration allowed only", _BEFORE),
    ("XML or text declaration not at start", _BEFORE),
    ("AttValue", ('the value of an attribute is not in quotes, or has a "<" in it', "Correct it.")),
    ("no element found", _EMPTY),
    (
        "limit exceeded",
        ("a tag, a text or the depth of the elements exceeds the limit", "Check the program that wrote this file."),
    ),
    ("not defined", ("it uses an entity, which annotations do not need", "Write the character itself.")),
    ("redefined", ("an attribute occurs twice", "Remove one of the two.")),
    (
        "Invalid bytes in character encoding",
        ("its bytes do not match the encoding that it declares", "Save it as UTF-8."),
    ),
)


def in_words(reason: str) -> tuple[str, str]:
    """Return what a parser's message means, and what helps; the message itself where that is not known."""
    return next((words for start, words in _WORDS if start in reason), (reason, "Correct the file."))
