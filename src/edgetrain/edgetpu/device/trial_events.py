"""What a trial is asked to do, what it tells while it runs, and what comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.detections import DetectedObject

CPU = "cpu"
_RUNTIME = re.compile(r"RuntimeVersion\((\d+)\)")


@dataclass(frozen=True)
class TrialJob:
    """One model on one device.

    ``device`` is ``cpu``, ``usb:N`` or ``pci:N``; ``api`` is ``auto``, ``pycoral`` or ``delegate``; ``library`` is
    libedgetpu's file. The pictures are those of the TFRecords in ``records``. ``temperature`` is a file with
    thousandths of a degree Celsius, or empty. ``decoder`` is that of a model that this project did not train, and
    ``decoded_model`` the file, not compiled, whose outputs tell what it needs; empty: SSD post-processing.
    """

    model: str
    device: str
    api: str
    library: str
    records: tuple[str, ...]
    warmup: int
    inferences: int
    minutes: float
    temperature: str = ""
    decoder: str = ""
    decoded_model: str = ""

    def to_json(self) -> str:
        """Return the job as one line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> TrialJob:
        """Return the job of :meth:`to_json`."""
        values = json.loads(text)
        return cls(**{**values, "records": tuple(values["records"])})

    @property
    def record_paths(self) -> list[Path]:
        """The TFRecords."""
        return [Path(name) for name in self.records]


@dataclass(frozen=True)
class SoakSample:
    """Latencies of some seconds of a long run (milliseconds), and the temperature at their end (degrees Celsius)."""

    seconds: float
    inferences: int
    p50_ms: float
    p99_ms: float
    temperature: float | None


@dataclass
class TrialResult:
    """What a trial told, put together from its events; ``failure`` is the library's own message if it gave up.

    ``pictures`` maps each source id to its detections; times are milliseconds unless they say otherwise.
    """

    library: str = ""
    runtime: str | None = None
    input_size: ImageSize = field(default_factory=lambda: ImageSize(0, 0))
    load_seconds: float = 0.0
    first_ms: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    pictures: dict[str, list[DetectedObject]] = field(default_factory=dict)
    soak: list[SoakSample] = field(default_factory=list)
    temperature: float | None = None
    failure: str = ""
    is_done: bool = False

    @property
    def runtime_version(self) -> int | None:
        """The number in libedgetpu's version text, such as 14; ``None`` where it does not say."""
        found = _RUNTIME.search(self.runtime or "")
        return int(found.group(1)) if found else None

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""
        kind = event["event"]
        if kind == "opened":
            self.library, self.runtime, self.load_seconds = event["library"], event["runtime"], event["seconds"]
            self.input_size = ImageSize(*event["input"])
        elif kind == "first":
            self.first_ms = event["ms"]
        elif kind == "picture":
            self.pictures[event["source_id"]] = [_object(values) for values in event["objects"]]
        elif kind == "latencies":
            self.latencies_ms += event["ms"]
            self.temperature = event["temperature"]
        elif kind == "soak":
            self.soak.append(SoakSample(**{key: value for key, value in event.items() if key != "event"}))
        elif kind == "failed":
            self.failure = event["text"]
        elif kind == "done":
            self.is_done = True


def object_values(found: DetectedObject) -> list[float]:
    """Return a detection as JSON: class index, score, ymin, xmin, ymax, xmax."""
    return [found.class_index, found.score, found.box.ymin, found.box.xmin, found.box.ymax, found.box.xmax]


def _object(values: Sequence[float]) -> DetectedObject:
    return DetectedObject(int(values[0]), values[1], NormalizedBox(*values[2:]))
