"""What stands beside YOLO's labels: names of the classes, shape of the keypoints, division. The only door to PyYAML.

Accepted, any number of them, as long as they agree about the names::

    data.yaml (any .yaml with names)    path: .   train: images/train   val: [a.txt, b]   test: ../test/images
                                        names: [boat, fish]   or   names: {0: boat, 1: fish}   kpt_shape: [17, 3]
    obj.data                            train = data/train.txt   valid = data/valid.txt
    classes.txt, *.names, *.labels      a name a line
    train.txt, val.txt, test.txt        a picture a line

Values of YAML are text: ``yes``, ``007`` and ``1.50`` are names as they stand. A list of a split names pictures or
folders relative to its file; paths of another machine are followed as far as their ends are found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from edgetrain.annotations.annotation_set import Place, Reading
from edgetrain.annotations.folder_names import SPLIT_NAMES
from edgetrain.annotations.import_source import ImportSource, own_names, read_text, safe_name
from edgetrain.core.errors import DatasetError
from edgetrain.core.splits import Split
from edgetrain.core.wording import counted

NAME_LISTS = ("classes.txt", "obj.names")
_NAME_SUFFIXES = (".names", ".labels")
_YAML_SUFFIXES = (".yaml", ".yml")
# A list of classes and folders is short; the parser takes seconds for a megabyte.
_MOST_YAML_LETTERS = 1 << 20
_SHOWN = 3


@dataclass(frozen=True)
class YoloFiles:
    """Names in the order of their indices, the split of pictures by their names below the source, and files read.

    ``keypoint_shape`` is the number of values of all keypoints of an object: 0 if there are none, ``None`` if that is
    not stated.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    keypoint_shape: int | None
    used: frozenset[str]


def read_yolo_files(source: ImportSource, reading: Reading) -> YoloFiles:
    """Return what the files beside the labels say.

    Raises:
        DatasetError: there are no names of classes, or the source is a file of another kind.
    """
    described_by = {*_YAML_SUFFIXES, *_NAME_SUFFIXES, ".txt", ".data"}
    source.refuse_other_file(described_by, "Name the folder of the set, its data.yaml, or the zip.")
    found: dict[str, list[str]] = {}
    lists = _SplitLists(source, reading)
    shapes: list[int] = []
    for name in source.names(*_YAML_SUFFIXES):
        values = _read_yaml(source, name, reading)
        names = _names_of_yaml(values, name, reading)
        if names:
            found[name] = names
            shapes += _keypoint_values(values.get("kpt_shape"), name, reading) if "kpt_shape" in values else []
            lists.add_config(name, values)
    for name in source.names(".txt", *_NAME_SUFFIXES):
        own = PurePosixPath(name).name.lower()
        if own in NAME_LISTS or own.endswith(_NAME_SUFFIXES):
            found[name] = _names_of_lines(source, name, reading)
    found = {name: names for name, names in sorted(found.items()) if names}
    if not found:
        reading.raise_faults("Nothing was written.")
        raise DatasetError(
            f"{source.root}: no file with class names (data.yaml, obj.names or classes.txt). Add one of them."
        )
    first = next(iter(found))
    for name in (name for name, names in found.items() if names != found[first]):
        reading.fault(Place(name), f"the class names differ from those in {first}. Remove one of the two.")
    for name in source.names(".data"):
        lists.add_config(name, _read_pairs(source, name, reading))
    lists.add_plain()
    return YoloFiles(tuple(found[first]), lists.splits(), shapes[0] if shapes else None, frozenset(lists.used))


def _names_of_lines(source: ImportSource, name: str, reading: Reading) -> list[str]:
    path = source.path(name)
    text = read_text(path, name, reading) if path else None
    if text and len(text) > _MOST_YAML_LETTERS:
        reading.fault(Place(name), "this file is too long for a list of names. Correct or remove the file.")
        return []
    names = [line.strip() for line in (text or "").splitlines()]
    while names and not names[-1]:
        names.pop()
    _refuse_repeated(names, name, reading, is_list=True)
    return names


def _refuse_repeated(names: list[str], file: str, reading: Reading, *, is_list: bool) -> None:
    known: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name or name in known:
            what = "is empty" if not name else f"{name!r} occurs twice"
            reading.fault(Place(file, number if is_list else 1), f"a class name {what}. Correct the names.")
        known.add(name)


def _read_yaml(source: ImportSource, name: str, reading: Reading) -> Mapping[str, object]:
    """Return the mapping in a file with all its values as text; empty if it holds something else."""
    path = source.path(name)
    text = (read_text(path, name, reading) if path else None) or ""
    if len(text) > _MOST_YAML_LETTERS:
        reading.fault(Place(name), "this file is too long for a list of names. Correct or remove the file.")
        return {}
    try:
        value = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes text, lists and mappings only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reading.fault(Place(name, mark.line + 1 if mark else 1), "this is not YAML. Correct the file.")
        return {}
    except RecursionError:
        reading.fault(Place(name), "its values are nested too deeply. Correct the file.")
        return {}
    return value if isinstance(value, dict) else {}


def _names_of_yaml(values: Mapping[str, object], name: str, reading: Reading) -> list[str]:
    """Return the names in the order of their indices; none if the file is about something else."""
    names = values.get("names")
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(map(str, range(len(names)))):
            reading.fault(Place(name), "the indices of the names are not 0, 1, 2, … without a gap. Correct them.")
        names = [names[index] for index in sorted(names, key=lambda index: (len(str(index)), str(index)))]
    if not isinstance(names, list):
        return []
    texts = [entry.strip() for entry in names if isinstance(entry, str)]
    if len(texts) != len(names):
        reading.fault(Place(name), "a class name is a list or a mapping, not text. Correct the names.")
        return []
    _refuse_repeated(texts, name, reading, is_list=False)
    return texts


def _keypoint_values(shape: object, name: str, reading: Reading) -> list[int]:
    """Return how many values the keypoints of an object have; a shape that makes no sense is a fault."""
    numbers = shape if isinstance(shape, list) else None
    if numbers in ([], ["0", "0"]):
        return [0]
    if numbers and all(isinstance(one, str) and one.isdecimal() and len(one) < 5 for one in numbers):  # noqa: PLR2004
        sizes = [int(one) for one in numbers]
        if len(sizes) == 2 and sizes[0] > 0 and sizes[1] in {2, 3}:  # noqa: PLR2004
            return [sizes[0] * sizes[1]]
    # Aliases make a list of a few lines endless when it is written out: only text is shown.
    texts = [one for one in numbers or () if isinstance(one, str)]
    shown = (
        repr(shape)[:60] if isinstance(shape, str) or (numbers and len(texts) == len(numbers)) else "no list of numbers"
    )
    reading.fault(Place(name), f"kpt_shape is {shown}, not [points, 2 or 3] as whole numbers. Correct it.")
    return []


def _read_pairs(source: ImportSource, name: str, reading: Reading) -> Mapping[str, object]:
    """Return the lines ``key = value`` of Darknet's ``obj.data``."""
    path = source.path(name)
    text = (read_text(path, name, reading) if path else None) or ""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


class _SplitLists:
    """The pictures that the source's own lists and folders put into splits."""

    def __init__(self, source: ImportSource, reading: Reading) -> None:
        self._source, self._reading = source, reading
        self._found: dict[Split, dict[str, None]] = {}
        self._lost: list[str] = []
        self._pictures = frozenset(source.picture_names)
        self.used: set[str] = set()

    def add_config(self, file: str, values: Mapping[str, object]) -> None:
        """Take the lists and folders that a file names for each split."""
        folder = PurePosixPath(file).parent.as_posix()
        root = values.get("path")
        bases = [*([f"{folder}/{root}"] if isinstance(root, str) and root else []), folder, ""]
        for key, split in SPLIT_NAMES.items():
            stated = values.get(key)
            for entry in stated if isinstance(stated, list) else [stated]:
                if isinstance(entry, str) and entry.strip():
                    self._add_entry(file, split, entry.strip(), bases)

    def add_plain(self) -> None:
        """Take lists such as ``train.txt`` that no other file names, if their lines are pictures."""
        for name in self._source.names(".txt"):
            split = SPLIT_NAMES.get(PurePosixPath(name).stem.lower())
            if split and name not in self.used and any(self._listed(name)):
                self._add_list(name, split)

    def splits(self) -> dict[str, Split]:
        """Return the split of each picture that is in one only; what is dropped is noted."""
        places: dict[str, list[Split]] = {}
        for split, listed in self._found.items():
            for name in listed:
                places.setdefault(name, []).append(split)
        torn = [name for name, splits in places.items() if len(splits) > 1]
        if torn:
            names = " and ".join(split.value for split in places[torn[0]])
            text = f"{counted(len(torn), 'picture')} in {names} at the same time (first {torn[0]})"
            self._reading.notes.append(f"the source's lists put {text}, so their division is not used")
        if self._lost:
            more = f" and {len(self._lost) - _SHOWN} more" if len(self._lost) > _SHOWN else ""
            shown = f"{', '.join(self._lost[:_SHOWN])}{more}"
            self._reading.notes.append(f"of the source's lists, this is not below the source: {shown}")
        return {name: splits[0] for name, splits in places.items() if len(splits) == 1}

    def _add_entry(self, file: str, split: Split, entry: str, bases: list[str]) -> None:
        plain = entry.replace("\\", "/")
        below = plain
        while below.startswith(("../", "./", "/")):
            below = below.partition("/")[2]
        names = [safe_name(plain, base) for base in bases] + [safe_name(below, base) for base in bases]
        parts = PurePosixPath(below).parts
        # Of a path of another machine the end counts, but not without the folder that tells the split.
        told = next((at for at, part in enumerate(parts) if part.lower() in SPLIT_NAMES), len(parts) - 1)
        names += ["/".join(parts[start:]) for start in range(1, told + 1)]
        for name in (name for name in names if name is not None):
            spelled = self._source.spelled(name)
            if spelled and spelled.lower().endswith(".txt"):
                self._add_list(spelled, split)
                return
            start = f"{name}/".casefold() if name != "." else ""
            inside = [one for one in self._source.picture_names if one.casefold().startswith(start)]
            if inside:
                self._found.setdefault(split, {}).update(dict.fromkeys(inside))
                return
        self._lost.append(f"{file}: {entry}")

    def _add_list(self, name: str, split: Split) -> None:
        self.used.add(name)
        self._found.setdefault(split, {}).update(dict.fromkeys(self._listed(name, is_noted=True)))

    def _listed(self, name: str, *, is_noted: bool = False) -> Iterator[str]:
        """Yield the pictures that a list names, as the source has them."""
        path = self._source.path(name)
        text = (read_text(path, name, self._reading) if path else None) or ""
        folder = PurePosixPath(name).parent.as_posix()
        for line in text.splitlines():
            stated = line.strip()
            if not stated:
                continue
            picture = self._picture(stated, folder)
            if picture:
                yield picture
            elif is_noted:
                self._lost.append(f"{name}: {stated}")

    def _picture(self, stated: str, folder: str) -> str | None:
        candidates = [safe_name(stated, folder), safe_name(stated)]
        parts = PurePosixPath(stated.replace("\\", "/")).parts
        candidates += [safe_name("/".join(parts[start:])) for start in range(1, len(parts))]
        candidates += own_names(stated)[:1]
        for name in candidates:
            spelled = self._source.spelled(name) if name else None
            if spelled in self._pictures:
                return spelled
        return None
