"""The champion: the model in use, as the record that a challenger is held against.

The record is JSON::

    {"schema": 1,
     "dataset": {"revision": "…", "is_clean": true},
     "network": "mobilenet_v2_ssd", "classes": ["boat"],
     "files": {"labels.txt": SHA-256, "model.tflite": …, "model_edgetpu.tflite": …},
     "results": {"split": "test", "images": 36, "int8": {…}, "float32": {…}},
     "hardware": {"device": "usb:0", "p90_ms": 8.0, "summary": "…"},
     "test_pictures": {SHA-256 of the encoded picture: file name}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from edgetrain.core.errors import ModelError

SCHEMA = 1


@dataclass(frozen=True)
class Champion:
    """A promoted model's record; ``p90_ms`` is ``None`` where the device's latency was not measured."""

    revision: str
    is_clean: bool
    network: str
    classes: tuple[str, ...]
    files: Mapping[str, str]
    results: Mapping[str, object]
    hardware: Mapping[str, object]
    test_pictures: Mapping[str, str]

    @property
    def p90_ms(self) -> Optional[float]:
        """The 90th percentile of the device's latency in milliseconds."""
        value = self.hardware.get("p90_ms")
        return float(value) if isinstance(value, (int, float)) else None

    def to_json(self) -> dict[str, object]:
        """Return the record as JSON values."""
        return {
            "schema": SCHEMA,
            "dataset": {"revision": self.revision, "is_clean": self.is_clean},
            "network": self.network,
            "classes": list(self.classes),
            "files": dict(self.files),
            "results": dict(self.results),
            "hardware": dict(self.hardware),
            "test_pictures": dict(self.test_pictures),
        }

    @classmethod
    def from_text(cls, text: str, name: str) -> Champion:
        """Return the record that a text holds.

        Args:
            text: JSON.
            name: what messages call it.

        Raises:
            ModelError: it is no record of a champion, or one of a later version of this project.
        """
        try:
            value: dict[str, Any] = json.loads(text)
            schema = value["schema"]
            if isinstance(schema, int) and schema > SCHEMA:
                raise ModelError(
                    f"{name}: this record has version {schema}, of which this edgetrain knows 1 to {SCHEMA}. "
                    "Update edgetrain."
                )
            return cls(
                revision=str(value["dataset"]["revision"]),
                is_clean=bool(value["dataset"]["is_clean"]),
                network=str(value["network"]),
                classes=tuple(map(str, value["classes"])),
                files={str(key): str(digest) for key, digest in value["files"].items()},
                results=dict(value["results"]),
                hardware=dict(value["hardware"]),
                test_pictures={str(key): str(file) for key, file in value["test_pictures"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{name}: this is no record of a champion ({type(error).__name__}: {error}). "
                "Name the branch that promote writes (promote.champion), or remove the damaged one."
            ) from error
