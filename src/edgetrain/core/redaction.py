"""Text of strangers without what must not be shown: passwords and tokens of URLs, invisible letters."""

from __future__ import annotations

import re

_LONGEST_TEXT = 500
_PASSWORD, _QUERY = re.compile(r"(\w://)[^/\s@]*@"), re.compile(r"(\w://[^\s?]*\?)\S+")


def clean_text(text: str) -> str:
    """Return a text without passwords and tokens of URLs and without invisible letters, cut off if it is very long."""
    shown = _QUERY.sub(r"\1…", _PASSWORD.sub(r"\1…@", text[: 4 * _LONGEST_TEXT]))
    shown = shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"
    return "".join(
        letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in shown
    )
