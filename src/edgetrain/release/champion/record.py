"""The champion's record, ``champion.json``: the only door to its text.

Accepted (SHA-256 as 64 hexadecimal digits, AP from 0 to 1; further keys are left alone)::

    {"schema": 1,
     "digests": {"model.tflite": "…", "model_edgetpu.tflite": "…", "label_map.pbtxt": "…"},
     "classes": ["boat"],
     "accuracy": {"split": "test", "pictures": 10, "class_boxes": {"boat": 12}, "mean_average_precision": 0.5,
                  "ap50": 0.8, "class_ap": {"boat": 0.5}},
     "test_pictures": [{"sha256": "…", "filename": "a.jpg"}],
     "hardware": {"device": "usb:0", "latency_p90_ms": 8.0, "mean_average_precision": 0.5},
     "dataset": {"revision": "…", "is_clean": true},
     "network": {"type": "mobilenet_v2_ssd"}, "settings_sha256": "…",
     "provenance": {"compiler": "edgetpu_compiler 16.0", "edgetrain": "0.2.0"}}

Refused: other schemas, and values that are missing or of another type.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Optional, TypeVar

from edgetrain.core.errors import ChampionError
from edgetrain.core.json_text import json_text
from edgetrain.edgetpu.hardware_pass import HardwareResult
from edgetrain.release.champion.values import Accuracy, Champion, JudgedPicture

SCHEMA = 1
MODEL, COMPILED_MODEL, LABEL_MAP = "model.tflite", "model_edgetpu.tflite", "label_map.pbtxt"
_DIGEST = re.compile("[0-9a-f]{64}")
T = TypeVar("T")


def render_champion(champion: Champion) -> str:
    """Return the text of a record; equal records give equal text."""
    value = {
        "schema": SCHEMA,
        "digests": dict(champion.digests),
        "classes": list(champion.class_names),
        "accuracy": {"split": champion.split, **dataclasses.asdict(champion.accuracy)},
        "test_pictures": [dataclasses.asdict(picture) for picture in champion.test_pictures],
        "hardware": dataclasses.asdict(champion.hardware),
        "dataset": {"revision": champion.revision, "is_clean": champion.is_clean},
        "network": dict(champion.network),
        "settings_sha256": champion.settings_sha256,
        "provenance": dict(champion.provenance),
    }
    return json_text(value) + "\n"


def parse_champion(content: bytes, place: str) -> Champion:
    """Return the record of a text.

    Args:
        content: the file.
        place: what messages call it.

    Raises:
        ChampionError: the text is no record, is damaged, or is of a newer schema.
    """
    remedy = 'Name another champion, or take this one back with "ci/inv promote --rollback".'
    try:
        value = _object(json.loads(content.decode("utf-8"), parse_constant=_refuse))
        schema = _whole(value, "schema")
        if schema == SCHEMA:
            return _champion(value)
    except json.JSONDecodeError as error:
        raise ChampionError(f"{place}:{error.lineno}: this is not JSON ({error.msg}). {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise ChampionError(f"{place}: this is no record of a champion ({error}). {remedy}") from error
    raise ChampionError(f"{place}: schema {schema} is not {SCHEMA}, the one this edgetrain knows. Update edgetrain.")


def _champion(value: Mapping[str, Any]) -> Champion:
    accuracy, hardware, dataset = (_object(value.get(key), key) for key in ("accuracy", "hardware", "dataset"))
    digests = {
        name: _digest(_object(value.get("digests"), "digests"), name) for name in (MODEL, COMPILED_MODEL, LABEL_MAP)
    }
    return Champion(
        digests=digests,
        class_names=tuple(_of(name, str, "classes") for name in _of(value.get("classes"), list, "classes")),
        split=_of(accuracy.get("split"), str, "split"),
        accuracy=_accuracy(accuracy),
        test_pictures=tuple(
            JudgedPicture(_digest(_object(picture), "sha256"), _of(picture.get("filename"), str, "filename"))
            for picture in _of(value.get("test_pictures"), list, "test_pictures")
        ),
        hardware=HardwareResult(
            _of(hardware.get("device"), str, "device"),
            _number(hardware.get("latency_p90_ms"), "latency_p90_ms"),
            _optional_number(hardware.get("mean_average_precision"), "mean_average_precision"),
        ),
        revision=None if dataset.get("revision") is None else _of(dataset["revision"], str, "revision"),
        is_clean=_of(dataset.get("is_clean"), bool, "is_clean"),
        network=_object(value.get("network"), "network"),
        settings_sha256=_digest(value, "settings_sha256"),
        provenance={key: str(text) for key, text in _object(value.get("provenance"), "provenance").items()},
    )


def _accuracy(value: Mapping[str, Any]) -> Accuracy:
    boxes, class_ap = (_object(value.get(key), key) for key in ("class_boxes", "class_ap"))
    return Accuracy(
        pictures=_whole(value, "pictures"),
        class_boxes={name: _whole(boxes, name) for name in boxes},
        mean_average_precision=_number(value.get("mean_average_precision"), "mean_average_precision"),
        ap50=_number(value.get("ap50"), "ap50"),
        class_ap={name: _optional_number(figure, "class_ap") for name, figure in class_ap.items()},
    )


def _of(value: object, kind: type[T], key: str) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"{key} is {_short(value)}, not a {kind.__name__}")  # noqa: TRY004 - of a file, not of ours
    return value


def _object(value: object, key: str = "it") -> Mapping[str, Any]:
    return _of(value, dict, key)


def _whole(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{key} is {_short(value)}, not a whole number")
    return value


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{key} is {_short(value)}, not a number")
    return float(value)


def _optional_number(value: object, key: str) -> Optional[float]:
    return None if value is None else _number(value, key)


def _digest(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"{key} is {_short(value)}, not a SHA-256")
    return value


def _short(value: object) -> str:
    return "missing" if value is None else ascii(value)[:80]


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a JSON number")
