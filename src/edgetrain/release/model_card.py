"""The model card: what a model finds, how good it is, what it learned from; what was not measured is *unproven*."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.boxes import ImageSize
from edgetrain.core.system.files import MOST_TEXT_BYTES, open_text
from edgetrain.core.wording import counted, finite_number, share_text
from edgetrain.core.workspace.reports import DATASET_TREE
from edgetrain.core.workspace.stage_reports import Records, as_object, as_text, value_of
from edgetrain.release.thresholds import ClassThreshold
from edgetrain.template import render_template

UNPROVEN = "unproven"
_NO_LICENCE = "not stated"
_LICENCE_COLUMNS = ("licence", "license")


@dataclass(frozen=True)
class CardFacts:
    """What a card tells beside the reports of the stages.

    ``is_proven`` says whether these very bytes passed on a device, ``hardware`` what is known of that; ``licences`` are
    counts by name; ``files`` are the other files of the bundle with their SHA-256.
    """

    name: str
    class_names: tuple[str, ...]
    input_size: ImageSize
    is_proven: bool
    hardware: str
    licences: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, str], ...]
    thresholds: tuple[ClassThreshold, ...] = ()


def render_model_card(records: Records, facts: CardFacts) -> str:
    """Return the card as Markdown."""
    latency = as_object(value_of(records, "hardware", "latency")) if facts.is_proven else {}
    return render_template(
        "bundle/MODEL_CARD.md",
        {
            "name": facts.name,
            "network": as_text(as_object(value_of(records, "configure", "network")).get("type")) or "network unknown",
            "width": facts.input_size.width,
            "height": facts.input_size.height,
            "class_names": [_plain(name) for name in facts.class_names],
            "proven": facts.is_proven,
            "hardware": _plain(facts.hardware),
            "images": value_of(records, "evaluate", "images") or UNPROVEN,
            "split": value_of(records, "evaluate", "split") or "",
            "metrics": _metrics(records, is_proven=facts.is_proven),
            "latency": f"{latency['p50_ms']:.1f} ms (median), {latency['p90_ms']:.1f} ms (90th percentile)"
            if latency
            else "",
            "data": _data(records),
            "licences": facts.licences,
            "facts": _facts(records),
            "files": facts.files,
            "thresholds": [
                (_plain(one.class_name), f"{one.value:.2f}", one.right, one.boxes - one.right, one.wrong)
                for one in facts.thresholds
            ],
            "thresholds_of": as_object(value_of(records, "evaluate", "thresholds")),
        },
    )


def licence_counts(path: Path) -> tuple[tuple[str, int], ...]:
    """Return how many pictures have each licence by an ``attribution.csv``; empty without such a table."""
    try:
        with open_text(path, newline="", most_bytes=MOST_TEXT_BYTES) as stream:
            rows = [{key.strip().lower(): value for key, value in row.items() if key} for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    column = next((name for name in _LICENCE_COLUMNS if rows and name in rows[0]), None)
    if column is None:
        return ()
    return tuple(sorted(Counter(_plain(row.get(column) or "") or _NO_LICENCE for row in rows).items()))


def _plain(text: str) -> str:
    """Return a text that cannot break a table or become markup."""
    return " ".join(text.split()).translate({ord(letter): f"\\{letter}" for letter in "|<>[]*_`"})


def _metrics(records: Records, *, is_proven: bool) -> Sequence[tuple[str, str, str]]:
    results = as_object(value_of(records, "evaluate", "results"))
    device = as_object(as_object(value_of(records, "hardware", "results")).get("device")) if is_proven else {}
    sources = (
        ("float32 (CPU)", as_object(results.get("float32"))),
        ("int8 (CPU)", as_object(results.get("int8"))),
        ("Edge TPU", device),
    )
    return [(label, _figure(found, "mean_average_precision"), _figure(found, "ap50")) for label, found in sources]


def _figure(found: Mapping[str, object], key: str) -> str:
    return UNPROVEN if finite_number(found.get(key)) is None else share_text(found.get(key))


def _data(records: Records) -> str:
    splits = as_object(value_of(records, "split", "splits"))
    parts = [
        f"{name}: {counted(int(finite_number(as_object(part).get('images')) or 0), 'picture')}, "
        f"{counted(int(finite_number(as_object(part).get('boxes')) or 0), 'box')}"
        for name, part in splits.items()
    ]
    return "; ".join(parts) or "The division of the dataset is not known to this card."


def _facts(records: Records) -> list[tuple[str, str]]:
    """Return settings of the training, versions and provenance, each as label and value."""
    runtime = value_of(records, "compile", "min_runtime_version")
    facts = [
        ("compiled by", as_text(value_of(records, "compile", "provenance")) or UNPROVEN),
        ("runs on Edge TPU runtime", f"{runtime} and later" if runtime else UNPROVEN),
    ]
    for stage in ("configure", "train", "quantize"):
        record = records.get(stage)
        for key, value in sorted(record.settings.items()) if record else ():
            inner = value if isinstance(value, dict) else {"": value}
            facts += [(f"{key}.{part}".rstrip("."), _plain(str(content))) for part, content in inner.items()]
    versions = {name: text for record in records.values() for name, text in record.versions.items()}
    facts += [(f"version of {name}", text) for name, text in sorted(versions.items())]
    known = {name: digest for record in records.values() for name, digest in record.inputs.items() if digest}
    if DATASET_TREE in known:
        return [*facts, ("git tree of the dataset", known[DATASET_TREE])]
    return [*facts, ("digest of the dataset", known.get("dataset", "unknown"))]
