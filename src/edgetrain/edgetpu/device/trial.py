"""The program that tries a model on a device, in a process of its own: a crash of a driver ends this one only.

Started by :mod:`edgetrain.edgetpu.device.trial_runner` with the job and the number of an open pipe as arguments; tells
one JSON object a line through that pipe.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from edgetrain.core.errors import ModelError
from edgetrain.edgetpu.device.trial_events import CPU, TrialJob, object_values
from edgetrain.evaluation.decoders import decode_of
from edgetrain.images.pixels import network_pixels
from edgetrain.records.example import read_examples
from edgetrain.tflite.detector import Opened, TfliteDetector

Pixels = npt.NDArray[np.uint8]
Emit = Callable[..., None]
# What the interpreters raise; everything else is a mistake of ours and ends the process with its traceback.
_FAILURES = (ValueError, RuntimeError, OSError, ImportError, ModelError)
_KEPT_PICTURES = 8
_SIGN_OF_LIFE_SECONDS = 1.0
_SOAK_SAMPLE_SECONDS = 10.0
_MILLIDEGREES = 1000
_TWO = 2


def main() -> None:
    """Run the job of the command line."""
    job = TrialJob.from_json(sys.argv[1])
    with os.fdopen(int(sys.argv[2]), "w", encoding="utf-8") as pipe:

        def emit(event: str, **values: object) -> None:
            pipe.write(json.dumps({"event": event, **values}) + "\n")
            pipe.flush()

        try:
            run(job, emit)
        except _FAILURES as error:
            emit("failed", text=str(error))


def run(job: TrialJob, emit: Emit) -> None:
    """Open the model, find the objects of all pictures, then measure; tell each step.

    Raises:
        ValueError: the model or the delegate cannot be loaded.
        RuntimeError: the model cannot be run.
    """
    started = time.perf_counter()
    opened = _open(job)
    detector, size = opened.detector, opened.detector.input_size
    seconds = time.perf_counter() - started
    emit("opened", library=opened.library, runtime=opened.runtime, seconds=seconds, input=[size.width, size.height])
    kept = _detect_all(job, detector, emit)
    for pixels in itertools.islice(itertools.cycle(kept), job.warmup):
        detector.detect(pixels)
    _measure(job, detector, kept, emit)
    if job.minutes > 0:
        _soak(job, detector, kept, emit)
    emit("done")


def _open(job: TrialJob) -> Opened:
    decode = [decode_of(Path(job.decoded_model), job.decoder)] if job.decoder else []
    opened: Opened = _door(job).open_detector(Path(job.model), job.device, job.library, *decode)
    return opened


def _door(job: TrialJob) -> ModuleType:
    """Return the module that opens models on the job's device: pycoral if that is there and Google's."""
    if job.device == CPU:
        return importlib.import_module("edgetrain.tflite.interpreters")
    if job.api != "delegate":
        try:
            return importlib.import_module("edgetrain.edgetpu.device.coral")
        except ImportError as error:
            if job.api == "pycoral":
                raise RuntimeError(f"Google's pycoral is not installed ({error})") from error
    return importlib.import_module("edgetrain.edgetpu.device.delegate")


def _detect_all(job: TrialJob, detector: TfliteDetector, emit: Emit) -> Sequence[Pixels]:
    """Tell the objects of every picture; return a few pictures to measure with."""
    kept: list[Pixels] = []
    for example in read_examples(job.record_paths):
        pixels = network_pixels(example.image_bytes, detector.input_size, example.filename)
        detector.put(pixels)
        ms = _timed(detector)
        if not kept:
            emit("first", ms=ms)
        if len(kept) < _KEPT_PICTURES:
            kept.append(pixels)
        objects = [object_values(found) for found in detector.objects()]
        emit("picture", source_id=example.source_id, objects=objects)
    return kept


def _timed(detector: TfliteDetector) -> float:
    """Return how long the model ran, in milliseconds; copying the picture is not counted."""
    started = time.perf_counter()
    detector.invoke()
    return (time.perf_counter() - started) * 1000


def _timings(detector: TfliteDetector, kept: Sequence[Pixels]) -> Iterator[float]:
    for pixels in itertools.cycle(kept):
        detector.put(pixels)
        yield _timed(detector)


def _measure(job: TrialJob, detector: TfliteDetector, kept: Sequence[Pixels], emit: Emit) -> None:
    """Time the asked number of runs; tell them in portions, so that a hang is noticed."""
    portion: list[float] = []
    told = time.monotonic()
    for ms in itertools.islice(_timings(detector, kept), job.inferences):
        portion.append(ms)
        if time.monotonic() - told > _SIGN_OF_LIFE_SECONDS:
            emit("latencies", ms=portion, temperature=_temperature(job))
            portion, told = [], time.monotonic()
    emit("latencies", ms=portion, temperature=_temperature(job))


def _soak(job: TrialJob, detector: TfliteDetector, kept: Sequence[Pixels], emit: Emit) -> None:
    """Run for some minutes without a pause; tell figures every ten seconds, and a sign of life every second."""
    started = told = sampled = time.monotonic()
    portion: list[float] = []
    for ms in _timings(detector, kept):
        portion.append(ms)
        now = time.monotonic()
        is_over = now - started >= job.minutes * 60
        if now - sampled >= _SOAK_SAMPLE_SECONDS or is_over:
            emit(
                "soak",
                seconds=now - started,
                inferences=len(portion),
                p50_ms=statistics.median(portion),
                p99_ms=_p99(portion),
                temperature=_temperature(job),
            )
            portion, sampled = [], now
        if now - told >= _SIGN_OF_LIFE_SECONDS:
            emit("alive")
            told = now
        if is_over:
            return


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[-1] if len(values) >= _TWO else values[0]


def _temperature(job: TrialJob) -> float | None:
    """Return degrees Celsius; ``None`` where the device tells none."""
    try:
        return int(Path(job.temperature).read_text(encoding="ascii")) / _MILLIDEGREES if job.temperature else None
    except (OSError, ValueError):
        return None
