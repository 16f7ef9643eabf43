"""What becomes of each variable where a model starts from a checkpoint: decided before any changes, and listed."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetrain.core.errors import TrainingError
from edgetrain.core.system.files import write_text
from edgetrain.core.wording import counted
from edgetrain.networks.start.coco_classes import COCO_IDS, coco_id

Weights = npt.NDArray[np.float32]

NEW = "new: "
_TAKEN, _LEFT_OUT = "taken", "left out: "
NO_PLACE = f"{_LEFT_OUT}not part of this network"
OTHER_IN_CHECKPOINT, OTHER_IN_NETWORK = "the checkpoint has other ", "the network has other "


@dataclass(frozen=True)
class WeightMatch:
    """What became of one variable.

    ``variable`` is of the model, ``source`` of the checkpoint; one of them is empty where there is no partner. ``note``
    says why, or ``taken``.
    """

    variable: str
    source: str
    note: str

    @property
    def is_taken(self) -> bool:
        """Whether the variable has its value, or a part of it, from the checkpoint."""
        return self.note.startswith(_TAKEN)

    @property
    def is_of_other_head(self) -> bool:
        """Whether the variable stays out because network and checkpoint have different layers behind the backbone."""
        return self.note.startswith((f"{NEW}{OTHER_IN_CHECKPOINT}", f"{_LEFT_OUT}{OTHER_IN_NETWORK}"))

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of the variable but that the network has no place for it."""
        return self.note == NO_PLACE


@dataclass(frozen=True)
class SourceClasses:
    """The classes that a checkpoint predicts: how many ids, whose they are, and the id (from 1) of a class name.

    ``has_background``: whether its background was learnt as it is here.
    """

    count: int
    owner: str
    find: Callable[[str], int | None]
    has_background: bool = True

    @classmethod
    def of_names(cls, names: Sequence[str]) -> SourceClasses:
        """Return the classes of a former run, by the names of its label map."""
        return cls(len(names), "the former run", lambda name: names.index(name) + 1 if name in names else None)


COCO = SourceClasses(COCO_IDS, "COCO", coco_id)


@dataclass(frozen=True)
class Proposal:
    """The value that a variable shall get (``None``: it keeps its own), that value's name, and what to say of it.

    ``is_of_other_classes``: there is a value, but nothing says to which classes its channels belong.
    """

    variable: Any
    source: str
    value: Weights | None
    note: str
    is_of_other_classes: bool = False

    @property
    def name(self) -> str:
        """The variable's name without ``:0``."""
        return str(self.variable.name).removesuffix(":0")


def propose(variable: Any, source: str, given: Weights | None) -> Proposal:
    """Return what a variable gets from a value of the checkpoint: all of it, if there is one of the same shape."""
    shape = tuple(variable.shape)
    if given is None:
        return Proposal(variable, source, None, f"{NEW}not in the checkpoint")
    if given.shape != shape:
        note = f"{NEW}the checkpoint has shape {given.shape}, the network {shape}"
        return Proposal(variable, source, None, note)
    return Proposal(variable, source, given, _TAKEN)


def propose_classes(
    variable: Any, source: str, given: Weights, *, names: Sequence[str], theirs: SourceClasses
) -> Proposal:
    """Return what a class predictor gets: the classes that both know by the same name, and the background or not.

    Args:
        variable: its last axis is (anchor, class), class 0 being the background.
        source: name of the checkpoint's value.
        given: that value.
        names: the model's classes, in the order of their ids.
        theirs: the checkpoint's classes.
    """
    mine, other = len(names) + 1, theirs.count + 1
    *first_axes, channels = variable.shape
    if given.shape != (*first_axes, channels // mine * other):
        note = f"{NEW}the checkpoint's shape {given.shape} is not that of {theirs.owner}'s classes"
        return Proposal(variable, source, None, note, is_of_other_classes=True)
    known = {i: found for i, name in enumerate(names, start=1) if (found := theirs.find(name))}
    ids = {0: 0} | known if theirs.has_background else known
    if not ids:
        note = f"{NEW}none of these classes is {theirs.owner}'s"
        return Proposal(variable, source, None, note, is_of_other_classes=True)
    value = variable.numpy().reshape(*first_axes, -1, mine)
    value[..., list(ids)] = given.reshape(*first_axes, -1, other)[..., list(ids.values())]
    taken, new = [names[i - 1] for i in known], f"{len(names) - len(known)} of {len(names)} classes are new"
    parts = (
        (", ".join(["background", *taken]), new)
        if theirs.has_background
        else (", ".join(taken), f"background and {new}")
    )
    return Proposal(variable, source, value.reshape(variable.shape), f"{_TAKEN}: {'; '.join(parts)}")


def assign(model: Any, prefix: Path, proposals: Sequence[Proposal]) -> list[WeightMatch]:
    """Give the variables their values, if the backbone gets all of its own, and return what became of each.

    Args:
        model: a model of ``build_model``.
        prefix: of the checkpoint, for the message.
        proposals: one for each variable of the model.

    Raises:
        TrainingError: a variable of the backbone gets no value; nothing was changed then.
    """
    parts = model.restore_from_objects(fine_tune_checkpoint_type="classification")
    backbone = {variable.ref() for variable in parts["feature_extractor"].variables}
    faults = [one for one in proposals if one.value is None and one.variable.ref() in backbone]
    if faults:
        first = f"{faults[0].name}: {faults[0].note.removeprefix(NEW)}"
        raise TrainingError(
            f"{prefix}: this checkpoint does not fit the network's backbone: {first} "
            f"({counted(len(faults), 'such variable')}). Give the checkpoint of that network (checkpoint.url), or the "
            "network of that checkpoint (network.type, network.depth_multiplier)."
        )
    for one in proposals:
        if one.value is not None:
            one.variable.assign(one.value)
    return [WeightMatch(one.name, one.source, one.note) for one in proposals]


def left_out(source: str, reason: str) -> WeightMatch:
    """Return what became of a variable of the checkpoint that the model has no place for; an empty reason: unknown."""
    return WeightMatch("", source, f"{_LEFT_OUT}{reason}" if reason else NO_PLACE)


def write_weight_matches(path: Path, matches: Iterable[WeightMatch]) -> None:
    """Write the table of all variables as CSV: variable, checkpoint, result."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("variable", "checkpoint", "result"))
    writer.writerows(dataclasses.astuple(match) for match in matches)
    write_text(path, buffer.getvalue())


def summary_of(matches: Sequence[WeightMatch]) -> str:
    """Return a sentence about what was taken from the checkpoint, what is new, and what of it has no place."""
    taken = sum(match.is_taken for match in matches)
    new = sum(match.note.startswith(NEW) for match in matches)
    unknown = [match.source for match in matches if match.is_unknown]
    predictors = [match for match in matches if "/ClassPredictor/" in match.variable]
    classes = next((match.note for match in reversed(predictors) if match.is_taken), "all new")
    text = f"{counted(taken, 'variable')} taken from the checkpoint, {new} new; class predictors {classes}"
    if any(match.is_of_other_head for match in matches):
        text += "; the checkpoint has a head of another kind"
    if unknown:
        text += f"; {counted(len(unknown), 'variable')} of it not part of this network, such as {unknown[0]}"
    return f"{text} (train/start_weights.csv)"
