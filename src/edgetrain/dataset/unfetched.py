"""What a dataset's repository names, but this clone does not hold: what DVC keeps, and submodules not fetched.

Read, and never run, are ``.gitmodules`` at the top of the repository, and, where there is a ``.dvc``, all ``*.dvc`` and
``dvc.lock`` of the dataset and of the folders above it::

    outs:
    - md5: 3b0332e02daabf31651a5a0d81ba830a.dir
      path: images                                          beside this file, or in the folder that "wdir:" names

What is a pointer or a link in the place of a single file shows when that file is opened (``core.system.pointers``).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from edgetrain.annotations.folder_names import IMAGE_SUFFIXES, IMAGES_NAMES
from edgetrain.core.system.files import file_content
from edgetrain.core.system.pointers import COMMANDS, DVC, SUBMODULE

_MOST_BYTES = 4 << 20
_SUBMODULE_PATH = re.compile(r"^[ \t]*path[ \t]*=[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_DVC_SECTION = re.compile(r"[ \t]*(outs|deps|params|metrics|plots|cmd|vars|meta):")
_DVC_PATH = re.compile(r"[ \t-]*path:[ \t]*(.+?)[ \t]*$")
_DVC_FOLDER = re.compile(r"^wdir:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_MOST_NAMED = 3


class UnfetchedPath(NamedTuple):
    """A file or folder that is not in this clone, relative to the dataset (``.``: all of it), and who keeps it."""

    path: str
    tool: str


def find_unfetched(root: Path) -> tuple[UnfetchedPath, ...]:
    """Return what is not in this clone of a dataset, sorted.

    Args:
        root: the dataset's folder; need not exist.
    """
    home = root.resolve()
    around = [home, *home.parents]
    top = next((folder for folder in around if (folder / ".git").exists()), None)
    absent = {(path, SUBMODULE) for path in (_empty_submodules(top) if top else ())}
    if any((folder / ".dvc").is_dir() for folder in around):
        absent |= {(path, DVC) for file in _dvc_files(home, top) for path in _outputs(file) if not path.exists()}
    found = ((_relative(path, home), tool) for path, tool in absent)
    return tuple(sorted(UnfetchedPath(path, tool) for path, tool in found if path))


def is_of_pictures(path: str) -> bool:
    """Return whether an absent path is a picture, or a folder whose name is that of a folder of pictures."""
    return path.lower().endswith(IMAGE_SUFFIXES) or any(step in IMAGES_NAMES for step in path.lower().split("/"))


def unfetched_message(root: Path, absent: Sequence[UnfetchedPath]) -> str:
    """Return what is not in this clone, and how to bring it, as the message of an error."""
    names = ", ".join(one.path for one in absent[:_MOST_NAMED])
    more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
    tools = sorted({one.tool for one in absent})
    are = "is" if len(absent) == 1 else "are"
    return f"{root}: {names}{more} {are} not in this clone ({' and '.join(tools)}). {fetch_advice(tools)}"


def fetch_advice(tools: Iterable[str]) -> str:
    """Return the commands that bring what some tools keep, as a sentence."""
    commands = " and ".join(f'"{COMMANDS[tool]}"' for tool in sorted(tools))
    return f"Run {commands} in it, then run this again. Nothing has to be removed."


def _empty_submodules(top: Path) -> Iterator[Path]:
    for path in _SUBMODULE_PATH.findall(_text(top / ".gitmodules", top)):
        folder = top / path.strip('"')
        if folder.is_dir() and not any(folder.iterdir()):
            yield folder


def _dvc_files(home: Path, top: Path | None) -> Iterator[Path]:
    """Yield the files in which DVC says what it keeps: of the folders above a dataset, then of itself."""
    above = home.parents if top is None else [folder for folder in home.parents if top in (folder, *folder.parents)]
    for folder in above:
        yield from (path for path in folder.iterdir() if is_dvc_file(path.name))
    for place, folders, names in os.walk(home):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if is_dvc_file(name))


def is_dvc_file(name: str) -> bool:
    """Return whether a file of that name says what DVC keeps."""
    return (name.endswith(".dvc") and name != ".dvc") or name == "dvc.lock"


def _outputs(file: Path) -> Iterator[Path]:
    """Yield the paths that a file of DVC lists under ``outs``."""
    text = _text(file, file.parent)
    folder = _DVC_FOLDER.search(text)
    start = file.parent / folder[1].strip("'\"") if folder else file.parent
    section = ""
    for line in text.splitlines():
        begun = _DVC_SECTION.match(line)
        section = begun[1] if begun else section
        path = _DVC_PATH.match(line) if section == "outs" else None
        if path:
            yield start / path[1].strip("'\"")


def _text(path: Path, within: Path) -> str:
    """Return a file's text; none where it is absent or refused."""
    try:
        return file_content(path, most_bytes=_MOST_BYTES, within=within).decode("utf-8", "replace")
    except OSError:
        return ""


def _relative(path: Path, home: Path) -> str:
    """Return a path relative to the dataset, ``.`` where it holds all of that, nothing where it lies elsewhere."""
    normal = posixpath.normpath(path.as_posix())
    if normal.startswith(f"{home.as_posix()}/"):
        return normal[len(home.as_posix()) + 1 :]
    return "." if Path(normal) in (home, *home.parents) else ""
