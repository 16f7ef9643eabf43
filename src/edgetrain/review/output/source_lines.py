"""The line of a file that a finding is about, as it stands there: short, printable, and only of text."""

from __future__ import annotations

from pathlib import Path

from edgetrain.core.errors import EdgetrainError
from edgetrain.core.system.files import file_content
from edgetrain.core.wording import printable

_MOST_BYTES = 4_000_000
_MOST_LETTERS = 140
_MOST_FILES = 500


class SourceLines:
    """Reads lines of a dataset's files, each file once while its findings follow each other."""

    def __init__(self, root: Path) -> None:
        """Read below a dataset's folder, nothing outside of it."""
        self._root = root
        self._name = ""
        self._lines: list[str] = []
        self._files = 0

    def line(self, name: str, number: int) -> str:
        """Return a line, counted from 1; empty where there is no such line, no text, or enough has been shown."""
        if name != self._name:
            self._name, self._files = name, self._files + 1
            self._lines = self._read(name) if self._files <= _MOST_FILES else []
        if not 0 < number <= len(self._lines):
            return ""
        text = printable(self._lines[number - 1].expandtabs().strip())
        return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"

    def _read(self, name: str) -> list[str]:
        try:
            content = file_content(self._root / name, most_bytes=_MOST_BYTES, within=self._root)
            # As lxml and editors count: a carriage return alone, or a separator of Unicode, ends no line.
            return [] if b"\0" in content else content.decode("utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError, EdgetrainError):
            return []
