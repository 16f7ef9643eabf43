"""Numbers and names as text for people: counts with their nouns, sizes, shares, the nearest known word."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

_MOST_LETTERS = 4000


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean "…"?`` with the nearest known word, or an empty string where none is near."""
    by_folded = {name.casefold(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.strip().casefold(), by_folded, n=1, cutoff=0.6)
    return f' Did you mean "{by_folded[near[0]]}"?' if near else ""


def printable(text: str) -> str:
    """Return text of strangers fit for a terminal and a log: what does not print, line ends too, as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines with strangers' words in it, fit for a terminal and a log.

    Of each line, what does not print becomes an escape, and what is longer than anybody reads is cut off; none begins
    as a command of GitHub's runner (``::error::``).
    """
    return "\n".join(map(_printable_line, text.split("\n")))


def _printable_line(line: str) -> str:
    shown = clipped(line, _MOST_LETTERS)
    shown = "".join(letter if letter.isprintable() or letter == "\t" else ascii(letter)[1:-1] for letter in shown)
    return f"| {shown}" if shown.lstrip().startswith("::") else shown


def clipped(text: str, most: int) -> str:
    """Return a text of strangers, cut off behind so many letters."""
    return text if len(text) <= most else f"{text[:most]}…"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun in singular or plural: ``1 class``, ``2 classes``."""
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


UNKNOWN = "unknown"
_KIBIBYTE, _MEBIBYTE = 1 << 10, 1 << 20


def count_text(value: object) -> str:
    """Return a whole number with commas, or that it is unknown."""
    number = finite_number(value)
    return UNKNOWN if number is None else f"{number:,.0f}"


def share_text(value: object) -> str:
    """Return a share (0 to 1) with three decimals, or that it is unknown."""
    number = finite_number(value)
    return UNKNOWN if number is None else f"{number:.3f}"


def change_text(before: object, after: object) -> str:
    """Return the difference of two shares as they are shown, with its sign, or that it is unknown."""
    first, second = finite_number(before), finite_number(after)
    if first is None or second is None:
        return UNKNOWN
    return f"{round(second, 3) - round(first, 3):+.3f}".replace("-", "\N{MINUS SIGN}")


def duration_text(seconds: float) -> str:
    """Return ``4.2 s`` or ``3 min 20 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def size_text(size_bytes: int) -> str:
    """Return ``12.5 KiB`` or ``3.4 MiB``."""
    return f"{size_bytes / _MEBIBYTE:.1f} MiB" if size_bytes >= _MEBIBYTE else f"{size_bytes / _KIBIBYTE:.1f} KiB"


def finite_number(value: object) -> float | None:
    """Return a JSON value as a number, ``None`` if it is something else, infinite or not a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
