"""A model that this project did not train: its file, the names of its classes, and what its outputs mean.

Labels are a text file: a name a line, by index from 0, or ``INDEX NAME`` with gaps, as pycoral and Frigate read them.
Without one, the labels in the archive behind the model are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgetrain.core.detections import DetectedObject
from edgetrain.core.errors import MissingInputError, ModelError, SettingsError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.settings.own_model import own_model_files
from edgetrain.core.settings.sections import ModelSettings
from edgetrain.core.wording import counted, printable
from edgetrain.evaluation.decoders import decode_of, detector_kind
from edgetrain.tflite.detector import Decode
from edgetrain.tflite.editing import take_apart
from edgetrain.tflite.file import read_tflite
from edgetrain.tflite.model_kind import ModelKind

_MOST_BYTES = 1 << 20
_NUMBERED = re.compile(r"\s*(\d{1,6})[:\s]+(\S.*?)\s*")
_SHOWN = 5


@dataclass(frozen=True)
class ForeignModel:
    """A model, its class names by output index (empty: no such class), and what it is."""

    path: Path
    names: tuple[str, ...]
    kind: ModelKind

    @property
    def unnamed(self) -> str:
        """What a person must know of classes that the labels leave out; empty if they name each."""
        named = sum(bool(name) for name in self.names)
        if named >= self.kind.classes:
            return ""
        return (
            f"the labels name {named} of {counted(self.kind.classes, 'class')} of the model: "
            "what it finds of the others is left out"
        )

    @property
    def decode(self) -> Decode:
        """The function that turns its outputs into objects."""
        return decode_of(self.path, self.kind.decoder)

    def indices_in(self, label_map: LabelMap) -> dict[int, int]:
        """Return for each output index the index of the same class in a dataset's label map; others are left out.

        Raises:
            SettingsError: no class of the dataset is among the labels.
        """
        places = {name: index for index, name in enumerate(label_map.names)}
        found = {index: places[name] for index, name in enumerate(self.names) if name in places}
        if not found:
            theirs, ours = (", ".join(names[:_SHOWN]) for names in ([n for n in self.names if n], label_map.names))
            raise SettingsError(
                f"{self.path.name}: none of its classes ({printable(theirs)} …) is one of the dataset "
                f"({printable(ours)} …). "
                "Name the labels of this model with --labels; equal classes must have equal names."
            )
        return found


def foreign_model(chosen: ModelSettings) -> ForeignModel | None:
    """Return the model that the settings name, with its labels; ``None`` if they name none.

    Raises:
        SettingsError: labels or decoder are named without a model.
        ModelError: the file is no TFLite model, no decoder reads it, or labels and outputs disagree.
        MissingInputError: model or labels are no regular files, or there are no labels.
    """
    own_model_files(chosen)
    if chosen.file is None:
        return None
    kind = detector_kind(read_tflite(chosen.file), chosen.file, chosen.decoder)
    names = read_labels(chosen.labels) if chosen.labels else _own_labels(chosen.file)
    if kind.classes and len(names) > kind.classes:
        raise ModelError(
            f"{chosen.labels or chosen.file}: {counted(len(names), 'label')}, but {chosen.file.name} has "
            f"{counted(kind.classes, 'class')}. Name the labels of this very model with --labels."
        )
    return ForeignModel(chosen.file, names, kind)


def read_labels(path: Path) -> tuple[str, ...]:
    """Return class names by index from 0; empty where a numbered file has a gap.

    Raises:
        MissingInputError: the file cannot be read.
        ModelError: it is no text, is too large, names a class twice, or has no name.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror}). Name a file of labels.") from error
    return parse_labels(content, str(path))


def parse_labels(content: bytes, where: str) -> tuple[str, ...]:
    """Return class names by index from 0; see :func:`read_labels`."""
    if len(content) > _MOST_BYTES:
        raise ModelError(f"{where}: more than 1 MiB is no file of labels.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(f"{where}: byte {error.start} is no UTF-8. Write the labels as UTF-8 text.") from error
    while lines and not lines[-1].strip():
        lines.pop()
    numbered = [_NUMBERED.fullmatch(line) for line in lines if line.strip()]
    pairs = (
        [(int(found[1]), found[2]) for found in numbered if found]
        if numbered and all(numbered)
        else list(enumerate(line.strip() for line in lines))
    )
    return _by_index(pairs, where)


def _by_index(pairs: Sequence[tuple[int, str]], where: str) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for line, (index, name) in enumerate(pairs, start=1):
        if index in names:
            raise ModelError(f"{where}:{line}: class {index} is named twice: {names[index]!r} and {name!r}.")
        names[index] = name
    if not any(names.values()):
        raise ModelError(f"{where}: there is no label. Write one a line, by index from 0.")
    if max(names) >= _MOST_BYTES // 2:
        raise ModelError(f"{where}: class {max(names)} is more than any model has.")
    return tuple(names.get(index, "") for index in range(max(names) + 1))


def _own_labels(path: Path) -> tuple[str, ...]:
    """Return the labels in the archive behind a model.

    Raises:
        MissingInputError: there are none.
    """
    archive = take_apart(path.read_bytes(), str(path)).archive
    texts = [content for name, content in archive if name.endswith(".txt")]
    if len(texts) != 1:
        raise MissingInputError(f"{path}: it has no labels of its own. Name their file with --labels.")
    return parse_labels(texts[0], f"{path} (labels in it)")


def in_label_map(found: Sequence[DetectedObject], indices: Mapping[int, int]) -> list[DetectedObject]:
    """Return the objects of classes that the dataset has, with the indices of its label map."""
    return [replace(one, class_index=indices[one.class_index]) for one in found if one.class_index in indices]
