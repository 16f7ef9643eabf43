"""Hand the compiled model over: an archive that Frigate or a pycoral program takes as it is, with a model card.

A bundle holds what Google's compiler made and a Coral device passed. Who has no device may ask for one all the same
(``bundle.unproven``): then its name and its card say *unproven*.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import GateError, ModelError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import file_digest, replacing_file
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.core.workspace.stage_reports import Records, read_records_of, value_of
from edgetrain.edgetpu.compiler.provenance import require_compiled_model
from edgetrain.edgetpu.hardware_pass import hardware_state
from edgetrain.edgetpu.hardware_pass import is_proven as is_model_proven
from edgetrain.evaluation.foreign import ForeignModel, foreign_model
from edgetrain.release.model_card import CardFacts, licence_counts, render_model_card
from edgetrain.release.thresholds import ClassThreshold, chosen_thresholds
from edgetrain.template import render_template
from edgetrain.tflite.file import POST_PROCESS, TfliteModel
from edgetrain.tflite.model_kind import SSD, YOLO_DFL

_MODEL_NAME = "model_edgetpu.tflite"
_PICTURE_RANK = 4
_SSD, _YOLO_GENERIC = "ssd", "yolo-generic"
# Names that Frigate 0.15 to 0.18 hold for attributes of other objects (``DEFAULT_ATTRIBUTE_LABEL_MAP`` in its
# ``const.py``, before in ``detector_config.py``): as long as they are, nothing of such a name is tracked.
FRIGATE_ATTRIBUTES = frozenset(
    {
        *("amazon", "an_post", "canada_post", "dhl", "dpd", "face", "fedex", "gls", "license_plate", "nzpost"),
        *("postnl", "postnord", "purolator", "royal_mail", "ups", "usps"),
    }
)


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the archive.

    Raises:
        MissingInputError: the model was not compiled.
        ModelError: a stand-in made the model, or its ends are not those that Frigate and pycoral read.
        GateError: no Coral device passed these very bytes, and ``bundle.unproven`` is not set.
    """
    chosen = settings.bundle
    foreign = foreign_model(settings.model)
    workspace = workspace.with_model(settings.model.file)
    model = require_compiled_model(workspace, "a bundle")
    digest = file_digest(workspace.compiled_model_path)
    records = _records_of_model(read_records_of(workspace), foreign)
    handed = _handed(model, foreign, workspace, records, chosen.format)
    size = handed.size
    is_proven = is_model_proven(records, digest)
    if not is_proven and not chosen.unproven:
        raise GateError(
            f"bundle: no Coral device has passed this model yet ({hardware_state(records, digest)}). "
            'Run "ci/inv hardware" on a machine with one, or make an unproven bundle with --unproven.'
        )
    name = "-".join([_name(settings), chosen.format, *([] if is_proven else ["unproven"])])
    class_names = tuple(name for name in handed.names if name)
    # Thresholds were chosen on the dataset's pictures with the model that was trained here.
    thresholds, lack = ((), "") if foreign else chosen_thresholds(workspace, records, class_names)
    files = {
        _MODEL_NAME: workspace.compiled_model_path.read_bytes(),
        **_own_files(chosen.format, name, handed, thresholds),
    }
    licences = () if foreign else licence_counts(settings.dataset.root / "attribution.csv")
    digests = tuple((file, hashlib.sha256(content).hexdigest()) for file, content in sorted(files.items()))
    hardware = records["hardware"].outcome.summary if is_proven else hardware_state(records, digest)
    card = CardFacts(name, class_names, size, is_proven, hardware, licences, digests, thresholds)
    files["MODEL_CARD.md"] = render_model_card(records, card).encode()
    path = workspace.bundle_path(name)
    write_archive(path, name, files)
    return Outcome(
        f"{workspace.relative(path)}: {len(files)} files{'' if is_proven else ', UNPROVEN on a Coral device'}",
        {
            "format": chosen.format,
            "archive": path.name,
            "sha256": file_digest(path),
            "model_sha256": digest,
            "is_proven": is_proven,
            "files": dict(digests),
            "thresholds": {one.class_name: one.value for one in thresholds},
        },
        notes=(lack,) if lack else (),
    )


@dataclass(frozen=True)
class _Handed:
    """What is handed over: class names by output index (empty: none), size of the input, Frigate's ``model_type``."""

    names: tuple[str, ...]
    size: ImageSize
    model_type: str


def _records_of_model(records: Records, foreign: ForeignModel | None) -> Records:
    """Return the reports that speak of the model: of one that was not trained here, none of the training."""
    digest = file_digest(foreign.path) if foreign else None
    is_judged = "evaluate" in records and value_of(records, "evaluate", "model_sha256") == digest
    wanted = ("compile", "hardware") if foreign else tuple(records)
    return {name: record for name, record in records.items() if (is_judged if name == "evaluate" else name in wanted)}


def _handed(
    model: TfliteModel, foreign: ForeignModel | None, workspace: Workspace, records: Records, output_format: str
) -> _Handed:
    """Return what is handed over; raise where Frigate or pycoral would read the model wrong."""
    if foreign is None:
        return _Handed(read_label_map(workspace.label_map_path).names, _input_size(model, "quantize", ("UINT8",)), _SSD)
    if value_of(records, "compile", "source_sha256") != file_digest(foreign.path):
        raise ModelError(
            f"{foreign.path.name}: what was compiled last is another model. "
            f'Run "ci/inv compile --model {foreign.path.name}" first.'
        )
    decoder = foreign.kind.decoder
    if decoder == SSD:
        return _Handed(foreign.names, _input_size(model, "adapt", ("UINT8",)), _SSD)
    if decoder != YOLO_DFL or output_format != "frigate":
        raise ModelError(
            f"{foreign.path.name}: {output_format} reads no model of the decoder {decoder} on a Coral. Frigate reads "
            "ssd and, from 0.17, yolo-dfl (its model_type yolo-generic); pycoral's example reads ssd."
        )
    if foreign.kind.findings:
        raise ModelError(f"{foreign.path.name}: {foreign.kind.findings[0]}.")
    return _Handed(foreign.names, _picture_size(model, "adapt", ("UINT8", "INT8")), _YOLO_GENERIC)


def _picture_size(model: TfliteModel, remedy: str, types: tuple[str, ...]) -> ImageSize:
    """Return the size of the model's input; raise where that is not one picture of a type that programs give."""
    (graph,) = model.subgraphs
    pictures = [graph.tensors[place] for place in graph.inputs]
    if len(pictures) != 1 or pictures[0].type not in types or len(pictures[0].shape) != _PICTURE_RANK:
        kinds = " or ".join(types).lower()
        raise ModelError(f'{_MODEL_NAME}: its input is not one picture of {kinds}. Run "ci/inv {remedy}" again.')
    _, height, width, _ = pictures[0].shape
    return ImageSize(width, height)


def _input_size(model: TfliteModel, remedy: str, types: tuple[str, ...]) -> ImageSize:
    """Return the size of the model's input; raise where its ends are not those of an SSD in Coral's order."""
    (graph,) = model.subgraphs
    size = _picture_size(model, remedy, types)
    last = [operator for operator in graph.operators if operator.name == POST_PROCESS]
    if len(last) != 1 or last[0].outputs != graph.outputs:
        raise ModelError(
            f"{_MODEL_NAME}: its outputs are not boxes, classes, scores, count in this order, which Frigate and "
            f'pycoral read. Run "ci/inv {remedy}" and "ci/inv compile" again.'
        )
    return size


def _name(settings: Settings) -> str:
    """Return what the bundle is called: as the settings say, or like the dataset's folder or the model's file."""
    own = settings.model.file.stem if settings.model.file else settings.dataset.root.resolve().name
    text = settings.bundle.name or own
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "model"


def _own_files(
    output_format: str, folder: str, handed: _Handed, thresholds: tuple[ClassThreshold, ...]
) -> dict[str, bytes]:
    """Return what a format has beside model and card."""
    # With their numbers: a class name that begins with a number would be taken for one.
    labels = "".join(f"{index}  {name}\n" for index, name in enumerate(handed.names) if name)
    if output_format == "pycoral":
        files = {"labels.txt": labels.encode(), "detect.py": render_template("bundle/detect.py", {}).encode()}
        if thresholds:
            by_name = {one.class_name: one.value for one in thresholds}
            files["thresholds.json"] = f"{json.dumps(by_name, indent=2, ensure_ascii=False)}\n".encode()
        return files
    names = tuple(name for name in handed.names if name)
    values = {
        "folder": folder,
        "width": handed.size.width,
        "height": handed.size.height,
        "class_names": names,
        "thresholds": thresholds,
        "model_type": handed.model_type,
        "reserved": sorted(set(names) & FRIGATE_ATTRIBUTES),
    }
    return {"labelmap.txt": labels.encode(), "config.yml": render_template("bundle/frigate.yml", values).encode()}


def write_archive(path: Path, folder: str, files: Mapping[str, bytes]) -> None:
    """Write an archive, whole or not at all.

    Args:
        path: the file to write.
        folder: what all files lie in.
        files: contents by name, with forward slashes.
    """
    with (
        replacing_file(path) as temporary,
        temporary.open("wb") as stream,
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(files[name]), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
