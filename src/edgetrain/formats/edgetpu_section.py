"""What the HTML page says of the Edge TPU: foretold, compiled, tried on a device; texts are clean already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgetrain.core.wording import count_text, finite_number, size_text
from edgetrain.core.workspace.stage_reports import Records, as_list, as_object, as_text, value_of

_STATES = {True: "passed", False: "failed", None: "not judged"}


@dataclass(frozen=True)
class EdgeTpuSection:
    """Rows of the page's tables: operators, memory and checks; empty where a stage was not run."""

    operators: tuple[tuple[str, str, str], ...]
    memory: tuple[tuple[str, str], ...]
    checks: tuple[tuple[str, str, str], ...]
    device: str
    is_rehearsal: bool


def edgetpu_section(records: Records) -> EdgeTpuSection:
    """Return what the stages preflight, compile and hardware left behind."""
    return EdgeTpuSection(
        operators=tuple(_operators(records)),
        memory=tuple(_memory(records)),
        checks=tuple(_check(as_object(check)) for check in as_list(value_of(records, "hardware", "checks"))),
        device=as_text(value_of(records, "hardware", "device")),
        is_rehearsal=value_of(records, "hardware", "is_rehearsal") is True,
    )


def _operators(records: Records) -> list[tuple[str, str, str]]:
    """Return where the operators run: foretold, then by the compiler."""
    rows = []
    if "preflight" in records:
        rows.append(("preflight (predicted)", count_text(value_of(records, "preflight", "mapped")), _rest(records)))
    if "compile" in records:
        log = as_object(value_of(records, "compile", "log"))
        provenance = as_text(value_of(records, "compile", "provenance"))
        on_cpu = count_text(log.get("on_cpu"))
        rows.append((f"compile ({provenance})", count_text(log.get("on_tpu")), on_cpu))
    return rows


def _rest(records: Records) -> str:
    counts = as_object(value_of(records, "preflight", "on_cpu"))
    return ", ".join(f"{count_text(count)} {name}" for name, count in counts.items()) or "0"


def _memory(records: Records) -> list[tuple[str, str]]:
    log = as_object(value_of(records, "compile", "log"))
    labels = {
        "cached_bytes": "parameters cached on the chip",
        "remaining_bytes": "memory left on the chip",
        "streamed_bytes": "parameters sent for every picture",
    }
    return [(label, _size(log, key)) for key, label in labels.items() if finite_number(log.get(key)) is not None]


def _size(log: Mapping[str, object], key: str) -> str:
    return size_text(int(finite_number(log.get(key)) or 0))


def _check(check: Mapping[str, object]) -> tuple[str, str, str]:
    state = check.get("is_passed")
    return as_text(check.get("name")), _STATES[state if isinstance(state, bool) else None], as_text(check.get("text"))
