"""Which links of a dataset are followed: those that stay in it, or in what git-annex or DVC keep for its repository.

A link elsewhere would make a stranger's dataset read what lies beside it, or a whole disk. With the setting
``dataset.follow_links`` all links are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgetrain.core.errors import DatasetError
from edgetrain.core.findings import Finding
from edgetrain.core.system.files import leads_out

LINK_FIX = "Replace the link by its target, or set dataset.follow_links: true if you trust it."


class Fence:
    """Decides about the links of one dataset, and notes those that lead out of it."""

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        """Begin with nothing noted.

        Args:
            root: the dataset.
            follow_links: whether links may lead anywhere.
        """
        self.root = root
        self._home = root.resolve()
        self._is_open = follow_links
        self._outside: dict[str, Path] = {}

    @property
    def within(self) -> Path | None:
        """What :func:`open_regular` takes as ``within``."""
        return None if self._is_open else self.root

    def admits(self, path: Path, real: Path | None = None) -> bool:
        """Return whether a file or folder of the dataset may be opened; one that may not is noted.

        Args:
            path: below the dataset, or itself.
            real: the same without links, if that is known.
        """
        if self._is_open:
            return True
        target = real or path.resolve()
        if target == self._home or not leads_out(target, self._home):
            return True
        self._outside[path.relative_to(self.root).as_posix()] = target
        return False

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each link that leads out."""
        for name, target in sorted(self._outside.items()):
            yield Finding.of((name, 1), "link-outside", outside_message(target), LINK_FIX)

    def require_closed(self) -> None:
        """Refuse a dataset with links that lead out.

        Raises:
            DatasetError: there is one; names the first.
        """
        for name, target in sorted(self._outside.items())[:1]:
            raise DatasetError(f"{self.root / name}: {outside_message(target)} {LINK_FIX}")


def outside_message(target: Path) -> str:
    """Return what is wrong with a link, as a sentence."""
    return f"a link points outside the dataset, to {target}."
