"""Lists of pictures: one name a line, UTF-8, empty lines ignored.

The form of ``splits/{train,validation,test}.txt`` (annotation files relative to the dataset, forward slashes) and of
the VOC devkit's ``ImageSets/Main/*.txt`` (annotation files without folder and suffix).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.errors import DatasetError, MissingInputError
from edgetrain.core.system.files import MOST_TEXT_BYTES, open_text, write_text


@dataclass(frozen=True)
class ListedName:
    """A name of a list and its line, from 1."""

    name: str
    line: int


def read_split_list(path: Path, *, within: Path | None = None) -> list[ListedName]:
    """Return the names of a list in its order.

    Args:
        path: the list.
        within: the dataset, if it is one of it: no link may lead out.

    Raises:
        MissingInputError: there is no such file.
        DatasetError: it cannot be read or is not UTF-8.
    """
    return list(listed_names(path, within=within))


def listed_names(path: Path, *, within: Path | None = None) -> Iterator[ListedName]:
    """Yield the names of a list one by one; see :func:`read_split_list`."""
    try:
        with open_text(path, newline="\n", most_bytes=MOST_TEXT_BYTES, within=within) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield ListedName(line.strip(), number)
    except FileNotFoundError as error:
        raise MissingInputError(f'{path}: no list of pictures. Run "ci/inv split" first.') from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}). Mend or remove the list.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text ({error.reason}). Save the list as UTF-8.") from error


def write_split_list(path: Path, names: Sequence[str]) -> None:
    """Write names in the given order; no names give an empty file."""
    write_text(path, "".join(f"{name}\n" for name in names))
