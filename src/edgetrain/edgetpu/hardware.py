"""Try the compiled model on an Edge TPU: does it find what the CPU finds, how fast, and for how long.

The trial runs in a process of its own: when a driver crashes or hangs, this stage says so and ends well. On the CPU
(``hardware.device: cpu``) the same steps are rehearsed with the model that is not compiled; that never is a pass.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edgetrain.core.detections import AgreementLimits, agreement
from edgetrain.core.errors import DeviceError, EdgetrainError, MissingInputError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.system.files import file_digest
from edgetrain.core.system.progress import listener
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.edgetpu.compiler.package import packages_of
from edgetrain.edgetpu.compiler.provenance import require_compiled_model
from edgetrain.edgetpu.device.checks import Check, Evidence, Latency, checks_of
from edgetrain.edgetpu.device.device_lock import lock_dir, sole_device_user
from edgetrain.edgetpu.device.discovery import FRESH_USB_ID, USED_USB_ID, EdgeTpu, find_edge_tpus
from edgetrain.edgetpu.device.junit import Case, write_junit
from edgetrain.edgetpu.device.pcie import diagnosis
from edgetrain.edgetpu.device.trial_events import CPU, TrialJob, TrialResult
from edgetrain.edgetpu.device.trial_runner import run_trial
from edgetrain.evaluation.foreign import foreign_model, in_label_map
from edgetrain.evaluation.metrics import Metrics, detections_of, judge
from edgetrain.records.example import DetectionExample, read_examples

_ANY = "edgetpu"
_COMPARISON = 1  # place of the check of the detections
_REHEARSAL = "rehearsal on the CPU, not a hardware pass"


@dataclass(frozen=True)
class _Trial:
    """A trial and its reference, both over the same pictures."""

    device: EdgeTpu | None
    model_path: Path
    result: TrialResult
    reference: TrialResult
    needed_runtime: int | None

    @property
    def name(self) -> str:
        return self.device.name if self.device else CPU


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Try the model, write the JUnit XML, and return the figures.

    Not good if a check failed, or if there is no test picture, no such device, or one in use that crashed or hung: an
    earlier pass must not outlive a failure, so report and JUnit XML are replaced in any case.
    """
    started = time.monotonic()
    try:
        return _judged(settings, workspace, started)
    except EdgetrainError as error:
        case = Case("device", failure=str(error))
        properties = {"device": settings.hardware.device}
        seconds = time.monotonic() - started
        write_junit(workspace.hardware_junit_path, "hardware", [case], properties=properties, seconds=seconds)
        is_rehearsal = settings.hardware.device == CPU
        results = {"device": settings.hardware.device, "is_rehearsal": is_rehearsal, "is_hardware_pass": False}
        return Outcome.of_error(error, results)


def _judged(settings: Settings, workspace: Workspace, started: float) -> Outcome:
    """Try the model and judge what came of it."""
    label_map = read_label_map(workspace.label_map_path)
    shards = workspace.shard_paths(Split.TEST)
    examples = [dataclasses.replace(example, image_bytes=b"") for example in read_examples(shards)]
    if not examples:
        raise MissingInputError(f'{workspace.shard_pattern(Split.TEST)}: no test picture. Run "ci/inv records" first.')
    foreign = foreign_model(settings.model)
    workspace = workspace.with_model(settings.model.file)
    indices = foreign.indices_in(label_map) if foreign else None
    trial = _tried(settings, workspace, shards, len(examples))
    metrics = {
        name: _metrics(examples, result, label_map.names, indices)
        for name, result in (("device", trial.result), ("cpu", trial.reference))
    }
    agreed = agreement(trial.result.pictures, trial.reference.pictures, AgreementLimits(settings.hardware.min_score))
    evidence = Evidence(agreed, metrics["device"], metrics["cpu"], trial.needed_runtime)
    checks = list(checks_of(settings.hardware, trial.result, evidence))
    outcome = _report(trial, checks, metrics, len(examples))
    _write_junit(workspace, trial, checks, time.monotonic() - started)
    lines = [f"{check.name}: {check.text}." for check in checks if check.is_passed is False]
    failure = "\n".join([f"hardware: {outcome.summary}", *lines]) if lines else ""
    return dataclasses.replace(outcome, failure=failure)


def _tried(settings: Settings, workspace: Workspace, shards: Sequence[Path], pictures: int) -> _Trial:
    """Run the model that is not compiled on the CPU, then the model in question on the device."""
    model_path, needed_runtime = workspace.model_path, None
    if settings.hardware.device != CPU:
        model_path = workspace.compiled_model_path
        packages = packages_of(require_compiled_model(workspace, "a device"), model_path)
        needed_runtime = max(package.min_runtime_version for package in packages)
    with _held_device(settings.hardware.device) as device:
        reference = _run(settings, workspace.model_path, None, shards, pictures)
        result = _run(settings, model_path, device, shards, pictures)
    return _Trial(device, model_path, result, reference, needed_runtime)


@contextlib.contextmanager
def _held_device(asked: str) -> Iterator[EdgeTpu | None]:
    """Hold the device that is asked for; ``None`` stands for the CPU.

    Raises:
        DeviceError: there is no such device, or another process holds it.
    """
    if asked == CPU:
        yield None
        return
    found = find_edge_tpus()
    fitting = [device for device in found if asked in (_ANY, device.name)]
    if not fitting:
        there = ", ".join(device.name for device in found) or "none"
        raise DeviceError(
            f"hardware.device {asked}: no such Edge TPU on this machine (looked for USB {FRESH_USB_ID} and "
            f"{USED_USB_ID} and for /dev/apex_*; found: {there}). Plug one in, see what "
            f'"ci/inv doctor --profile device" says, or rehearse with --device cpu.{_pcie_words(asked)}'
        )
    with contextlib.ExitStack() as stack:
        yield _first_free(fitting, stack)


def _pcie_words(asked: str) -> str:
    """Return what is wrong with a PCIe device, for who asks for one."""
    return " ".join(["", *diagnosis()]) if asked.startswith("pci") else ""


def _first_free(devices: Sequence[EdgeTpu], stack: contextlib.ExitStack) -> EdgeTpu:
    """Return the first device that no other process holds, held until the stack is left."""
    *others, last = devices
    for device in others:
        with contextlib.suppress(DeviceError):
            stack.enter_context(sole_device_user(device.name, lock_dir()))
            return device
    stack.enter_context(sole_device_user(last.name, lock_dir()))
    return last


def _run(
    settings: Settings, model_path: Path, device: EdgeTpu | None, shards: Sequence[Path], pictures: int
) -> TrialResult:
    chosen = settings.hardware
    job = TrialJob(
        model=str(model_path),
        device=device.name if device else CPU,
        api=chosen.api,
        library=chosen.delegate_library,
        records=tuple(map(str, shards)),
        warmup=chosen.warmup,
        inferences=chosen.inferences,
        minutes=chosen.minutes,
        temperature=str(device.temperature_path) if device and device.temperature_path else "",
        decoder=settings.model.decoder if settings.model.file else "",
        decoded_model=str(settings.model.file or ""),
    )

    def heard(result: TrialResult) -> None:
        listener().advanced(len(result.pictures), pictures, f"{job.device} pictures")

    return run_trial(job, timeout_seconds=chosen.timeout_seconds, heard=heard)


def _metrics(
    examples: Sequence[DetectionExample],
    result: TrialResult,
    class_names: Sequence[str],
    indices: Mapping[int, int] | None,
) -> Metrics | None:
    """Return the figures of a trial's detections; ``None`` where nothing is labelled.

    ``indices`` are those of the label map by those of a model that was not trained here; ``None``: the same.
    """
    if not any(example.boxes for example in examples):
        return None
    found = [result.pictures.get(example.source_id, []) for example in examples]
    if indices is not None:
        found = [in_label_map(one, indices) for one in found]
    return judge(examples, detections_of(examples, found), class_names)


def _report(trial: _Trial, checks: Sequence[Check], metrics: dict[str, Metrics | None], pictures: int) -> Outcome:
    latency, result = Latency.of(trial.result), trial.result
    states = [check.is_passed for check in checks]
    passed, failed, unjudged = (states.count(state) for state in (True, False, None))
    outcome = f"{passed} checks passed, {failed} failed, {unjudged} not judged"
    # A device that showed nothing to compare has proven nothing.
    is_pass = trial.device is not None and not failed and checks[_COMPARISON].is_passed is True
    place = _REHEARSAL if trial.device is None else trial.name
    summary = f"{place}: {outcome}; {latency.p50_ms:.1f} ms (median), {latency.p90_ms:.1f} ms (90th percentile)"
    results = {
        "device": trial.name,
        "is_rehearsal": trial.device is None,
        "is_hardware_pass": is_pass,
        "library": result.library,
        "runtime": result.runtime,
        "runtime_version": result.runtime_version,
        "model_sha256": file_digest(trial.model_path),
        "images": pictures,
        "checks": [asdict(check) for check in checks],
        "latency": {**asdict(latency), "throughput": latency.throughput},
        "load_seconds": result.load_seconds,
        "temperature": result.temperature,
        "soak": [asdict(sample) for sample in result.soak],
        "results": {name: asdict(values) if values else None for name, values in metrics.items()},
    }
    return Outcome(summary, results, tuple(f"{check.name}: {check.text}" for check in checks))


def _write_junit(workspace: Workspace, trial: _Trial, checks: Sequence[Check], seconds: float) -> None:
    suite = "hardware" if trial.device else "hardware (rehearsal on the CPU)"
    cases = [
        Case(
            check.name,
            failure=check.text if check.is_passed is False else "",
            skipped=check.text if check.is_passed is None else "",
        )
        for check in checks
    ]
    if trial.device is None:
        cases.append(Case("hardware pass", skipped=_REHEARSAL))
    properties = {"device": trial.name, "library": trial.result.library, "runtime": trial.result.runtime or ""}
    write_junit(workspace.hardware_junit_path, suite, cases, properties=properties, seconds=seconds)
