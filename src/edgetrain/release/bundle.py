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
from pathlib import Path

from edgetrain.core.boxes import ImageSize
from edgetrain.core.errors import GateError, ModelError
from edgetrain.core.outcome import Outcome
from edgetrain.core.settings import Settings
from edgetrain.core.system.files import file_digest, replacing_file
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import read_label_map
from edgetrain.core.workspace.stage_reports import read_records_of
from edgetrain.edgetpu.compiler.provenance import require_compiled_model
from edgetrain.edgetpu.compiler.rules import POST_PROCESS
from edgetrain.edgetpu.hardware_pass import hardware_state
from edgetrain.edgetpu.hardware_pass import is_proven as is_model_proven
from edgetrain.release.model_card import CardFacts, licence_counts, render_model_card
from edgetrain.release.thresholds import ClassThreshold, chosen_thresholds
from edgetrain.template import render_template
from edgetrain.tflite.file import TfliteModel

_MODEL_NAME = "model_edgetpu.tflite"
_PICTURE_RANK = 4


def run(settings: Settings, workspace: Workspace) -> Outcome:
    """Write the archive.

    Raises:
        MissingInputError: the model was not compiled.
        ModelError: a stand-in made the model, or its ends are not those that Frigate and pycoral read.
        GateError: no Coral device passed these very bytes, and ``bundle.unproven`` is not set.
    """
    chosen = settings.bundle
    model = require_compiled_model(workspace, "a bundle")
    size = _input_size(model)
    digest = file_digest(workspace.compiled_model_path)
    records = read_records_of(workspace)
    is_proven = is_model_proven(records, digest)
    if not is_proven and not chosen.unproven:
        raise GateError(
            f"bundle: no Coral device has passed this model yet ({hardware_state(records, digest)}). "
            'Run "ci/inv hardware" on a machine with one, or make an unproven bundle with --unproven.'
        )
    name = "-".join([_name(settings), chosen.format, *([] if is_proven else ["unproven"])])
    class_names = read_label_map(workspace.label_map_path).names
    thresholds, lack = chosen_thresholds(workspace, records, class_names)
    files = {
        _MODEL_NAME: workspace.compiled_model_path.read_bytes(),
        **_own_files(chosen.format, name, class_names, size, thresholds),
    }
    licences = licence_counts(settings.dataset.root / "attribution.csv")
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


def _input_size(model: TfliteModel) -> ImageSize:
    """Return the size of the model's input; raise where its ends are not those of an SSD in Coral's order."""
    (graph,) = model.subgraphs
    pictures = [graph.tensors[place] for place in graph.inputs]
    if len(pictures) != 1 or pictures[0].type != "UINT8" or len(pictures[0].shape) != _PICTURE_RANK:
        raise ModelError(f'{_MODEL_NAME}: its input is not one picture of uint8. Run "ci/inv quantize" again.')
    last = [operator for operator in graph.operators if operator.name == POST_PROCESS]
    if len(last) != 1 or last[0].outputs != graph.outputs:
        raise ModelError(
            f"{_MODEL_NAME}: its outputs are not boxes, classes, scores, count in this order, which Frigate and "
            'pycoral read. Run "ci/inv quantize" and "ci/inv compile" again.'
        )
    _, height, width, _ = pictures[0].shape
    return ImageSize(width, height)


def _name(settings: Settings) -> str:
    """Return what the bundle is called: as the settings say, or like the dataset's folder."""
    text = settings.bundle.name or settings.dataset.root.resolve().name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "model"


def _own_files(
    output_format: str,
    folder: str,
    class_names: tuple[str, ...],
    size: ImageSize,
    thresholds: tuple[ClassThreshold, ...],
) -> dict[str, bytes]:
    """Return what a format has beside model and card."""
    # With their numbers: a class name that begins with a number would be taken for one.
    labels = "".join(f"{index}  {name}\n" for index, name in enumerate(class_names))
    if output_format == "pycoral":
        files = {"labels.txt": labels.encode(), "detect.py": render_template("bundle/detect.py", {}).encode()}
        by_name = {one.class_name: one.value for one in thresholds}
        return {
            **files,
            **(
                {"thresholds.json": (json.dumps(by_name, indent=2, ensure_ascii=False) + "\n").encode()}
                if by_name
                else {}
            ),
        }
    values = {
        "folder": folder,
        "width": size.width,
        "height": size.height,
        "class_names": class_names,
        "thresholds": thresholds,
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
