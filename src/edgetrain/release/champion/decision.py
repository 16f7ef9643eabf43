"""What speaks for and against a challenger: one reason with its figures for each rule.

AP is compared on the same pictures, with the ground truth of today. Differences below a millionth count as none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from edgetrain.core.settings.sections import PromoteSettings
from edgetrain.core.wording import counted, printable
from edgetrain.edgetpu.hardware_pass import HardwareResult
from edgetrain.release.champion.values import Accuracy, JudgedPicture

_ROUNDING = 1e-6
_SHOWN = 5


@dataclass(frozen=True)
class Reason:
    """One rule: ``is_passed`` is ``None`` where it was not asked for or there was nothing to judge."""

    name: str
    text: str
    is_passed: Optional[bool] = None


@dataclass(frozen=True)
class Duel:
    """Both models on the same pictures; ``pictures`` says which."""

    pictures: str
    challenger: Accuracy
    champion: Accuracy


@dataclass(frozen=True)
class PictureSets:
    """Digests of the pictures of each split of the challenger, and the test pictures of the champion."""

    train: Collection[str]
    judging: Collection[str]  # validation and test
    champion: Sequence[JudgedPicture]


def comparable(
    class_names: Sequence[str], champion_classes: Sequence[str], sets: PictureSets, share: float
) -> list[Reason]:
    """Return whether the two models may be compared at all.

    Args:
        class_names: the challenger's classes, in the order of their ids.
        champion_classes: the champion's.
        sets: the pictures.
        share: of the champion's test pictures, those that may be gone (0 to 1).
    """
    return [_same_classes(class_names, champion_classes), _no_leak(sets), _pictures_kept(sets, share)]


def duel_reasons(duel: Duel, limits: PromoteSettings) -> list[Reason]:
    """Return whether the challenger is good enough on one set of pictures."""
    return [_gain(duel, limits.min_gain), _class_drops(duel, limits)]


def class_floors(accuracy: Accuracy, floors: Mapping[str, float]) -> Iterator[Reason]:
    """Yield whether classes reach the AP that they must have in any case; an unproven one does not."""
    for name, floor in sorted(floors.items()):
        reached = accuracy.class_ap.get(name)
        if reached is None:
            yield _failed("class floor", f"{printable(name)}: no labelled test box, at least {floor:g} AP asked")
            continue
        text = f"{printable(name)}: {reached:.3f} AP, at least {floor:g} asked"
        yield Reason("class floor", text, reached >= floor - _ROUNDING)


def latency_reasons(
    challenger: Optional[HardwareResult], champion: Optional[HardwareResult], limits: PromoteSettings
) -> Iterator[Reason]:
    """Yield whether the challenger is fast enough, and not much slower than the champion (``None``: not known)."""
    if challenger is None:
        yield Reason("latency", "not judged without a hardware pass")
        return
    found = f"{challenger.latency_p90_ms:.1f} ms (90th percentile, {printable(challenger.device)})"
    if limits.max_latency_ms is None:
        yield Reason("latency", f"{found}, no limit asked")
    else:
        is_passed = challenger.latency_p90_ms <= limits.max_latency_ms
        yield Reason("latency", f"{found}, at most {limits.max_latency_ms:g} ms allowed", is_passed)
    if champion is not None:
        limit = champion.latency_p90_ms * (1 + limits.max_latency_gain)
        text = f"{found}, the champion's {champion.latency_p90_ms:.1f} ms ({printable(champion.device)})"
        is_passed = challenger.latency_p90_ms <= limit + _ROUNDING
        yield Reason("latency against the champion", f"{text}, at most {limit:.1f} ms allowed", is_passed)


def quantization_reason(float32: float, int8: float, limit: float) -> Reason:
    """Return whether quantization cost at most ``limit`` AP."""
    text = f"int8 {int8:.3f} AP, float32 {float32:.3f}: {int8 - float32:+.3f}, -{limit:g} allowed"
    return Reason("AP lost in quantization", text, float32 - int8 <= limit + _ROUNDING)


def named(names: Sequence[str]) -> str:
    """Return a few names of strangers, and how many more there are."""
    shown = ", ".join(map(printable, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _same_classes(class_names: Sequence[str], champion_classes: Sequence[str]) -> Reason:
    if tuple(class_names) == tuple(champion_classes):
        return _passed("label map", f"the same {counted(len(class_names), 'class')}")
    parts = [
        ("new", [name for name in class_names if name not in champion_classes]),
        ("gone", [name for name in champion_classes if name not in class_names]),
        (
            "with another id",
            [
                name
                for name in class_names
                if name in champion_classes and class_names.index(name) != champion_classes.index(name)
            ],
        ),
    ]
    text = "; ".join(f"{what}: {named(names)}" for what, names in parts if names)
    return _failed("label map", f"it differs from the champion's ({text}), so nothing can be compared")


def _no_leak(sets: PictureSets) -> Reason:
    total = counted(len(sets.champion), "test picture")
    leaked = [picture.filename for picture in sets.champion if picture.sha256 in sets.train]
    if leaked:
        text = f"{len(leaked)} of the champion's {total} are in this training split: {named(leaked)}"
        return _failed("leak", f"{text}. A comparison would praise what was learnt by heart")
    return _passed("leak", f"none of the champion's {total} is in this training split")


def _pictures_kept(sets: PictureSets, share: float) -> Reason:
    gone = [p.filename for p in sets.champion if p.sha256 not in sets.judging and p.sha256 not in sets.train]
    total = len(sets.champion)
    text = f"{len(gone)} of the champion's {counted(total, 'test picture')} are not in these records any more"
    more = f": {named(gone)}" if gone else ""
    return Reason("pictures kept", f"{text}{more} (at most {share:.0%} allowed)", len(gone) <= share * total)


def _gain(duel: Duel, min_gain: float) -> Reason:
    ours, theirs = duel.challenger.mean_average_precision, duel.champion.mean_average_precision
    text = f"challenger {ours:.3f}, champion {theirs:.3f}: {ours - theirs:+.3f}, at least {min_gain:+g} asked"
    return Reason(f"AP on {duel.pictures}", text, ours >= theirs + min_gain - _ROUNDING)


def _class_drops(duel: Duel, limits: PromoteSettings) -> Reason:
    """Return whether no class with enough boxes lost more AP than it may."""
    boxes = duel.champion.class_boxes
    few = sorted(name for name, count in boxes.items() if count < limits.min_class_boxes)
    pairs = {
        name: (duel.challenger.class_ap.get(name) or 0.0, theirs)
        for name, theirs in duel.champion.class_ap.items()
        if theirs is not None and name not in few
    }
    order = sorted(pairs, key=lambda name: (pairs[name][0] - pairs[name][1], name))
    lost = [name for name in order if pairs[name][1] - pairs[name][0] > limits.max_class_drop + _ROUNDING]
    left_out = f"; not judged for fewer than {counted(limits.min_class_boxes, 'box')}: {named(few)}" if few else ""
    title = f"classes on {duel.pictures}"
    if not pairs:
        return Reason(title, f"no class has enough boxes{left_out}")
    shown = (lost or order)[:_SHOWN]
    figures = ", ".join(f"{printable(name)} {_change(*pairs[name])}" for name in shown)
    more = f" and {len(lost) - len(shown)} more" if len(lost) > len(shown) else ""
    start = "lost too much: " if lost else "worst: "
    return Reason(title, f"{start}{figures}{more}, -{limits.max_class_drop:g} allowed{left_out}", not lost)


def _passed(name: str, text: str) -> Reason:
    return Reason(name, text, is_passed=True)


def _failed(name: str, text: str) -> Reason:
    return Reason(name, text, is_passed=False)


def _change(ours: float, theirs: float) -> str:
    return f"{ours:.3f} after {theirs:.3f} ({ours - theirs:+.3f})"
