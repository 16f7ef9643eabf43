"""Whether a Coral device has passed a model, told from the report of ``hardware``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from edgetrain.core.wording import finite_number
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, value_of


def is_proven(records: Records, digest: str) -> bool:
    """Return whether a device passed the compiled model with this SHA-256."""
    is_pass = value_of(records, "hardware", "is_hardware_pass") is True
    is_rehearsal = value_of(records, "hardware", "is_rehearsal") is True
    return is_pass and not is_rehearsal and value_of(records, "hardware", "model_sha256") == digest


def hardware_state(records: Records, digest: str) -> str:
    """Return why there is no pass, as part of a sentence."""
    if "hardware" not in records:
        return "the hardware test was not run"
    if value_of(records, "hardware", "is_rehearsal"):
        return "the hardware test was only rehearsed on the CPU"
    if value_of(records, "hardware", "model_sha256") != digest:
        return "the hardware test was of another model"
    return f"the hardware test failed: {records['hardware'].outcome.summary}"


def hardware_result(records: Records, digest: str) -> HardwareResult | None:
    """Return what a device showed of the model with this SHA-256; ``None`` without a pass, or without its latency."""
    latency = finite_number(as_object(value_of(records, "hardware", "latency")).get("p90_ms"))
    if latency is None or not is_proven(records, digest):
        return None
    metrics = as_object(as_object(value_of(records, "hardware", "results")).get("device"))
    device = as_text(value_of(records, "hardware", "device"))
    return HardwareResult(device, latency, finite_number(metrics.get("mean_average_precision")))


@dataclass(frozen=True)
class HardwareResult:
    """What the Edge TPU showed: 90th percentile of the latency, and AP (``None``: nothing was labelled)."""

    device: str
    latency_p90_ms: float
    mean_average_precision: Optional[float]
