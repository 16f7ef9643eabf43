"""The times of a pipeline's timer: Quartz's cron, which counts seconds first and wants a ``?``."""

from __future__ import annotations

import re

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# Name, lowest and highest value, names that stand for values from the lowest.
_FIELDS = (
    ("seconds", 0, 59, ()),
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of week", 1, 7, tuple(_DAYS)),
    ("year", 1970, 2199, ()),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 3, 5
_FEWEST = 6
_SPECIAL = {_DAY_OF_MONTH: r"L(-\d{1,2})?W?|\d{1,2}W", _DAY_OF_WEEK: r"L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])"}


def fault_of(spec: str) -> str:
    """Return what is wrong with a timer's expression, a sentence; empty if nothing is."""
    fields = spec.upper().split()
    if not _FEWEST <= len(fields) <= len(_FIELDS):
        return f"has {len(fields)} fields where Quartz wants 6 or 7, seconds first."
    for index, text in enumerate(fields):
        if text == "?" and index in _SPECIAL:
            continue
        if not all(_is_part(index, part) for part in text.split(",")):
            name, lowest, highest, _ = _FIELDS[index]
            return f'has "{text}" as {name} ({lowest} to {highest}).'
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return 'needs "?" for the day of month or for the day of week, not for both.'
    return ""


def _is_part(index: int, part: str) -> bool:
    if re.fullmatch(_SPECIAL.get(index, r"(?!)"), part):
        return True
    base, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if base == "*" or (not base and slash):
        return True
    low, dash, high = base.partition("-")
    return _is_value(index, low) and (not dash or _is_value(index, high))


def _is_value(index: int, text: str) -> bool:
    _, lowest, highest, names = _FIELDS[index]
    return text in names or (text.isascii() and text.isdecimal() and lowest <= int(text) <= highest)
