"""What a device must do to pass, each demand as one check with its figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetrain.core.detections import Agreement
from edgetrain.core.settings.sections import HardwareSettings
from edgetrain.edgetpu.device.trial_events import SoakSample, TrialResult
from edgetrain.evaluation.metrics import Metrics

_SLOWER = 1.2
_FEW_SAMPLES = 6
_SHOWN = 3
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True)
class Check:
    """One demand: ``is_passed`` is ``None`` where it was not asked for or could not be looked at."""

    name: str
    is_passed: bool | None
    text: str


@dataclass(frozen=True)
class Latency:
    """Times of the model alone, in milliseconds: percentiles, the very first run, and runs a second at the median."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    first_ms: float
    inferences: int

    @classmethod
    def of(cls, result: TrialResult) -> Latency:
        """Return the figures of a trial with at least one timed run."""
        times = result.latencies_ms
        cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
        p50, p90, p99 = (cuts[percentile - 1] for percentile in _PERCENTILES)
        return cls(p50, p90, p99, result.first_ms, len(times))

    @property
    def throughput(self) -> float:
        """Pictures a second, the model alone."""
        return 1000 / self.p50_ms if self.p50_ms else 0.0


@dataclass(frozen=True)
class Evidence:
    """What is known beside the trial itself.

    ``agreed`` says how far the device's detections are those of the CPU; metrics are ``None`` without ground truth;
    ``needed_runtime`` is the lowest version of libedgetpu's runtime that the model asks for, ``None`` on the CPU.
    """

    agreed: Agreement
    device_metrics: Metrics | None
    cpu_metrics: Metrics | None
    needed_runtime: int | None

    @property
    def place(self) -> str:
        """Return where the trial ran, as words of a sentence."""
        return "the CPU once more (a rehearsal)" if self.needed_runtime is None else "the device"


def checks_of(limits: HardwareSettings, result: TrialResult, evidence: Evidence) -> Iterator[Check]:
    """Yield every check of a trial.

    Args:
        limits: what the device must reach.
        result: what the trial told.
        evidence: what is known beside it.
    """
    yield _runtime_check(result, evidence.needed_runtime)
    yield _agreement_check(limits, evidence)
    yield _accuracy_check(limits, evidence)
    yield _latency_check(limits, Latency.of(result))
    yield _soak_check(limits, result.soak)


def _runtime_check(result: TrialResult, needed: int | None) -> Check:
    """Look at the library's version; that it ran a compiled model at all shows that the Edge TPU was used."""
    if needed is None:
        return Check("runtime", None, "the model that is not compiled needs no Edge TPU")
    found = result.runtime_version
    if found is None:
        return Check("runtime", None, f"libedgetpu does not tell its version; the model needs {needed}")
    text = f"libedgetpu's runtime is {found}, the model needs {needed}"
    return Check("runtime", found >= needed, text)


def _agreement_check(limits: HardwareSettings, evidence: Evidence) -> Check:
    agreed, places = evidence.agreed, f"on {evidence.place} and on the CPU"
    if not agreed.objects:
        text = f"no object with score {limits.min_score:g} or more was found {places}: nothing to compare"
        return Check("detections", None, text)
    text = f"{agreed.agreed} of {agreed.objects} detections are the same {places}"
    is_passed = agreed.share >= limits.min_agreement
    if not is_passed:
        shown = ", ".join(agreed.differing[:_SHOWN]) + (", …" if len(agreed.differing) > _SHOWN else "")
        text += f", less than hardware.min_agreement {limits.min_agreement:g}; they differ in {shown}"
    return Check("detections", is_passed, text)


def _accuracy_check(limits: HardwareSettings, evidence: Evidence) -> Check:
    device, cpu = evidence.device_metrics, evidence.cpu_metrics
    if device is None or cpu is None:
        return Check("accuracy", None, "the test pictures have no labelled object to judge by")
    drop = cpu.mean_average_precision - device.mean_average_precision
    text = f"AP {device.mean_average_precision:.3f} on {evidence.place}, {cpu.mean_average_precision:.3f} on the CPU"
    is_passed = drop <= limits.max_ap_drop
    return Check("accuracy", is_passed, text if is_passed else f"{text}: more than {limits.max_ap_drop:g} lost")


def _latency_check(limits: HardwareSettings, latency: Latency) -> Check:
    text = f"90 of 100 runs take at most {latency.p90_ms:.1f} ms"
    if limits.max_latency_ms is None:
        return Check("latency", None, f"{text}; no limit is set (hardware.max_latency_ms)")
    is_passed = latency.p90_ms <= limits.max_latency_ms
    text += "" if is_passed else f", more than hardware.max_latency_ms {limits.max_latency_ms:g}"
    return Check("latency", is_passed, text)


def _soak_check(limits: HardwareSettings, samples: Sequence[SoakSample]) -> Check:
    """Compare the last third of a long run with its first third: a device that grows hot grows slow."""
    if limits.minutes == 0:
        return Check("endurance", None, "no long run was asked for (--minutes)")
    text = f"{limits.minutes:g} minutes, {sum(sample.inferences for sample in samples)} runs"
    if len(samples) < _FEW_SAMPLES:
        return Check("endurance", is_passed=None, text=f"{text}; too short to see a change")
    third = len(samples) // 3
    before, after = (statistics.median(s.p50_ms for s in part) for part in (samples[:third], samples[-third:]))
    text += f", median {before:.1f} ms at first and {after:.1f} ms at last"
    hottest = max((s.temperature for s in samples if s.temperature is not None), default=None)
    text += "" if hottest is None else f", at most {hottest:.0f} °C"
    is_passed = after <= before * _SLOWER
    return Check("endurance", is_passed, text if is_passed else f"{text}: it slows down")
