"""May a challenger become the champion? Every rule with its figures, whether it is kept or broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from edgetrain.core.setting_sections import PromoteSettings
from edgetrain.formats.coco_metrics import Metrics


@dataclass(frozen=True)
class Ruling:
    """What one rule says; ``is_kept`` is ``None`` where there is nothing to judge by."""

    rule: str
    is_kept: Optional[bool]
    text: str


def broken(rule: str, text: str) -> Ruling:
    """Return the ruling of a rule that is broken."""
    return Ruling(rule, is_kept=False, text=text)


@dataclass(frozen=True)
class Comparison:
    """Both models on the same pictures, run on the CPU; ``boxes`` counts the labelled ones of each class."""

    pictures: str
    challenger: Metrics
    champion: Metrics
    boxes: Mapping[str, int]


def own_rulings(limits: PromoteSettings, results: Mapping[str, object], p90_ms: Optional[float]) -> Iterator[Ruling]:
    """Yield what holds for a challenger by itself.

    Args:
        limits: the settings.
        results: figures of ``evaluate`` by kind of model.
        p90_ms: latency on the device.
    """
    drop = _figure(results, "float32") - _figure(results, "int8")
    if limits.max_ap_drop is not None:
        text = f"int8 loses {drop:.3f} AP against float32, allowed: {limits.max_ap_drop:g}"
        yield Ruling("quantization", drop <= limits.max_ap_drop, text)
    if limits.max_latency_ms is not None and p90_ms is not None:
        text = f"{p90_ms:.1f} ms (90th percentile), allowed: {limits.max_latency_ms:g} ms"
        yield Ruling("latency", p90_ms <= limits.max_latency_ms, text)


def rulings_against(limits: PromoteSettings, compared: Comparison) -> Iterator[Ruling]:
    """Yield what a comparison with the champion says: AP as a whole, then each class."""
    mine, its = compared.challenger.mean_average_precision, compared.champion.mean_average_precision
    needed = its + limits.min_gain
    text = f"AP {mine:.3f} against {its:.3f} on {compared.pictures}, needed: {needed:.3f}"
    yield Ruling("accuracy", mine >= needed, text)
    for name, champion_ap in compared.champion.class_ap.items():
        class_ap = compared.challenger.class_ap.get(name)
        if class_ap is None or champion_ap is None:
            continue
        boxes = compared.boxes.get(name, 0)
        text = f"{name}: AP {class_ap:.3f} against {champion_ap:.3f} on {compared.pictures}"
        if boxes < limits.min_class_boxes:
            yield Ruling("class", None, f"{text}, not judged: {boxes} boxes, needed: {limits.min_class_boxes}")
            continue
        floor = max(limits.min_class_ap, champion_ap - limits.max_class_drop)
        yield Ruling("class", class_ap >= floor, f"{text}, needed: {floor:.3f}")


def latency_ruling(limits: PromoteSettings, p90_ms: Optional[float], champion_ms: Optional[float]) -> Ruling:
    """Return what the device's latencies (90th percentiles in milliseconds) say."""
    if p90_ms is None or champion_ms is None:
        return Ruling("latency", None, "the latency of one of the two was not measured")
    allowed = champion_ms * (1 + limits.max_latency_gain)
    text = f"{p90_ms:.1f} ms against {champion_ms:.1f} ms (90th percentiles), allowed: {allowed:.1f} ms"
    return Ruling("latency", p90_ms <= allowed, text)


def _figure(results: Mapping[str, object], kind: str) -> float:
    found = results.get(kind)
    value = found.get("mean_average_precision") if isinstance(found, dict) else None
    return float(value) if isinstance(value, (int, float)) else 0.0
