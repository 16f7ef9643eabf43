"""What the reports prove of a compiled model: that a device passed these very bytes, or why that is not known."""

from __future__ import annotations

from edgetrain.core.champion import HardwareResult
from edgetrain.formats.charts import finite_number
from edgetrain.formats.stage_reports import Records, as_object, as_text, value_of


def is_proven_on_device(records: Records, digest: str) -> bool:
    """Return whether a device passed the model with this SHA-256."""
    is_pass = value_of(records, "hardware", "is_hardware_pass") is True
    return (
        is_pass
        and not value_of(records, "hardware", "is_rehearsal")
        and value_of(records, "hardware", "model_sha256") == digest
    )


def hardware_state(records: Records, digest: str) -> str:
    """Return in words what the hardware test was, for a model that is not proven."""
    if "hardware" not in records:
        return "the hardware test was not run"
    if value_of(records, "hardware", "is_rehearsal"):
        return "the hardware test was only rehearsed on the CPU"
    if value_of(records, "hardware", "model_sha256") != digest:
        return "the hardware test was of another model"
    return f"the hardware test failed: {records['hardware'].report.summary}"


def hardware_result(records: Records) -> HardwareResult | None:
    """Return the figures of a hardware test, ``None`` where they are missing."""
    latency = finite_number(as_object(value_of(records, "hardware", "latency")).get("p90_ms"))
    if latency is None:
        return None
    metrics = as_object(as_object(value_of(records, "hardware", "results")).get("device"))
    device = as_text(value_of(records, "hardware", "device"))
    return HardwareResult(device, latency, finite_number(metrics.get("mean_average_precision")))
