"""Folders as a whole: the files below them, their state, one digest over all; links in circles harm none of that."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from edgetrain.core.system.files import changed_at, combined_digest, file_digest, leads_out

_MOST_FILES = 5_000_000


def tree_digest(path: Path) -> str | None:
    """Return one SHA-256 for a file, or for a folder's files by relative name and content; ``None`` if absent.

    Hidden files (temporary ones) are left out.
    """
    if path.is_file():
        return file_digest(path)
    if not path.is_dir():
        return None
    return combined_digest((name.relative_to(path).as_posix(), file_digest(name)) for name in visible_files(path))


def folder_state(folder: Path, left_out: Path | None = None, *, follow_links: bool = False) -> str:
    """Return one SHA-256 over the name, size and time of change of a folder's visible files, without opening any.

    Args:
        folder: an existing folder.
        left_out: a folder below it that does not count.
        follow_links: whether what lies behind links out of the folder counts; else only the links themselves do.
    """
    home = folder.resolve()
    lines: list[str] = []
    places = [(str(folder), "")]
    seen: set[tuple[int, int]] = set()
    while places:
        place, start = places.pop()
        try:
            own = Path(place).stat()
            if (own.st_dev, own.st_ino) in seen or (left_out and Path(place) == left_out):
                continue
            seen.add((own.st_dev, own.st_ino))
            with os.scandir(place) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:  # who reads the folder says more about it
            lines.append(f"{start}\0{error.errno}\n")
            continue
        for entry in found:
            if entry.is_symlink() and not follow_links and leads_out(os.path.realpath(entry.path), home):
                lines.append(f"{start}{entry.name}\0{changed_at(entry.stat(follow_symlinks=False))}\n")
                continue
            is_folder, is_file = _kind(entry)
            if is_folder:
                places.append((entry.path, f"{start}{entry.name}/"))
            elif is_file:
                state = entry.stat()
                lines.append(f"{start}{entry.name}\0{state.st_size}\0{changed_at(state)}\n")
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def _kind(entry: os.DirEntry[str]) -> tuple[bool, bool]:
    """Return whether an entry is a folder, and whether a file; a link that leads to itself, or too far, is neither."""
    try:
        return entry.is_dir(), entry.is_file()
    except OSError:
        return False, False


def visible_files(folder: Path, *, within: Path | None = None) -> list[Path]:
    """Return all files below a folder whose relative path has no hidden part, sorted.

    Linked folders are followed, but for those that a link puts into themselves.

    Args:
        folder: an existing folder.
        within: links to folders that lead out of this one are listed themselves, and not followed.

    Raises:
        OSError: a folder cannot be listed, or there are more files than anybody has; links may multiply them.
    """
    found: list[Path] = []
    home = within.resolve() if within else None
    places: list[_Place] = [_Place(str(folder), None)]
    for place in places:
        try:
            state = Path(place.path).stat()
            place.identity = state.st_dev, state.st_ino
            if any(above.identity == place.identity for above in place.above()):
                continue
            with os.scandir(place.path) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):  # gone since its name was read
            continue
        for entry in visible:
            is_out = home is not None and entry.is_symlink() and leads_out(os.path.realpath(entry.path), home)
            is_folder, is_file = _kind(entry)
            if is_folder and not is_out:
                places.append(_Place(entry.path, place))
            elif is_folder or is_file:
                found.append(Path(entry.path))
        if len(found) + len(places) > _MOST_FILES:
            raise OSError(errno.EFBIG, f"more than {_MOST_FILES:,} files, counted behind its links, too", str(folder))
    return sorted(found)


class _Place:
    """A folder that is being listed, and the one that it was found in."""

    def __init__(self, path: str, parent: _Place | None) -> None:
        self.path, self.parent = path, parent
        self.identity = (0, 0)

    def above(self) -> Iterator[_Place]:
        """Yield the folders that it is in, the next one first."""
        place = self.parent
        while place is not None:
            yield place
            place = place.parent
