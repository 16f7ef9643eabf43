"""Whether a Coral device has passed a model, told from the report of ``hardware``."""

from __future__ import annotations

from edgetrain.formats.stage_reports import Records, value_of


def is_proven(records: Records, digest: str) -> bool:
    """Return whether a device passed the compiled model with this SHA-256."""
    is_pass = value_of(records, "hardware", "is_hardware_pass") is True
    return is_pass and value_of(records, "hardware", "model_sha256") == digest


def hardware_state(records: Records, digest: str) -> str:
    """Return why there is no pass, as part of a sentence."""
    if "hardware" not in records:
        return "the hardware test was not run"
    if value_of(records, "hardware", "is_rehearsal"):
        return "the hardware test was only rehearsed on the CPU"
    if value_of(records, "hardware", "model_sha256") != digest:
        return "the hardware test was of another model"
    return f"the hardware test failed: {records['hardware'].report.summary}"
