"""Which format of annotations lies in a folder, told by names and first bytes, and what a user can do with it.

Looks at a limited number of files, and only at their beginnings; nothing is parsed. A format that is not read is named
with the export to choose in its place.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetrain.core.settings.exchange import SourceFormat
from edgetrain.core.system.files import open_regular

_MOST_FILES = 50_000
_HEAD_BYTES = 1 << 16
_MOST_HEADS = 12
_LABEL_LINE = re.compile(rb"\s*[0-9]{1,9}(?:\s+[-+0-9.eE]+){4,}\s*(?:\n|\r|$)")
_NAMED: dict[str, Callable[[str], bool]] = {
    "edge-impulse": lambda name: name in {"bounding_boxes.labels", "info.labels"},
    "keras-yolo": lambda name: name == "_annotations.txt",
    "hugging-face": lambda name: name == "metadata.jsonl" or name.endswith(".parquet"),
    "tfrecord": lambda name: ".tfrecord" in name or name.endswith(".record") or ".record-" in name,
}
_LINES = {
    "oidv4": re.compile(rb"\s*[^\s0-9]\S*(?:\s+[0-9.]+){4}\s*(?:\n|\r|$)"),
    "kitti": re.compile(rb"\s*[A-Za-z]\S*(?:\s+-?[0-9.]+){14,15}\s*(?:\n|\r|$)"),
    "dota": re.compile(
        rb"(?:imagesource:.*\n)?(?:gsd:.*\n)?\s*(?:-?[0-9.]+\s+){8}[A-Za-z]\S*(?:\s+[0-9])?\s*(?:\n|\r|$)"
    ),
}
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
_NAME_LISTS = ("classes.txt", "obj.names", "_darknet.labels")


@dataclass(frozen=True)
class Recognised:
    """A format by its name; ``source_format`` is how it is imported, or ``export`` what to export in its place."""

    name: str
    source_format: SourceFormat | None = None
    export: str = ""

    def way(self, source: Path) -> str:
        """Return what to do with it, as a sentence: the command that imports it, or what to export instead."""
        if self.source_format is None:
            return f"This is {self.name}, which edgetrain cannot read. {self.export}"
        target = shlex.quote(str(source.with_name(f"{source.stem if source.is_file() else source.name}-voc")))
        command = f"--from {self.source_format.value} --source {shlex.quote(str(source))} --dataset {target}"
        return f'This is {self.name}. Import it: "ci/inv import-annotations {command}".'


_COCO = "export it as COCO JSON or Pascal VOC instead"
_FOREIGN = {
    "supervisely": Recognised("Supervisely's JSON", export=f"In Supervisely {_COCO} (Export to COCO, to Pascal VOC)."),
    "datumaro": Recognised(
        "Datumaro's JSON", export="Convert it: datum convert -i FOLDER -if datumaro -f coco -o OUT."
    ),
    "createml": Recognised("CreateML's JSON", export=f"In the program that wrote it (Roboflow, RectLabel) {_COCO}."),
    "edge-impulse": Recognised(
        "Edge Impulse's export", export="In Edge Impulse choose the export to COCO JSON or VOC."
    ),
    "hugging-face": Recognised(
        "a Hugging Face image folder or table",
        export="Load it with the datasets library, and write COCO JSON (bbox is x, y, width, height already).",
    ),
    "tfrecord": Recognised("TFRecords", export="Export the set again as COCO JSON or Pascal VOC."),
    "keras-yolo": Recognised("YOLO text for Keras or PyTorch (one line per picture)", export=f"In Roboflow {_COCO}."),
    "oidv4": Recognised(
        "the OIDv4 toolkit's labels (class and pixels)",
        export="Import the original Open Images tables (--from open-images), or convert it to VOC.",
    ),
    "dota": Recognised(
        "DOTA's labels (four corners in pixels, class, difficulty)",
        export="Convert them to YOLO's oriented boxes (Ultralytics: convert_dota_to_yolo_obb), which are read.",
    ),
    "kitti": Recognised("KITTI's labels", export="Convert them: datum convert -i FOLDER -if kitti -f coco -o OUT."),
    "vott": Recognised("VoTT's JSON", export="In VoTT choose Pascal VOC as the export provider."),
    "darwin": Recognised("Darwin JSON of V7", export=f"In V7 {_COCO}."),
    "labelbox": Recognised("Labelbox's JSON", export="Convert it to COCO JSON or Pascal VOC."),
    "ground-truth": Recognised("a manifest of SageMaker Ground Truth", export="Convert it to COCO JSON or Pascal VOC."),
    "ultralytics": Recognised("Ultralytics' NDJSON", export="Export the set as YOLO labels with data.yaml."),
    "automl": Recognised(
        "CSV of Google's AutoML or Vertex AI (fractions)",
        export="Multiply the fractions by the pictures' sizes, and name the columns (--columns).",
    ),
    "archives": Recognised(
        "a dataset in an archive that is not a zip, or in a nested archive", export="Unpack it and name the folder."
    ),
}
_READ = {
    "voc": Recognised("Pascal VOC XML in another layout", SourceFormat.VOC),
    "cvat": Recognised("CVAT for images or video", SourceFormat.CVAT),
    "coco": Recognised("COCO JSON", SourceFormat.COCO),
    "yolo": Recognised("YOLO labels", SourceFormat.YOLO),
    "labelme": Recognised("LabelMe JSON", SourceFormat.LABELME),
    "via": Recognised("VIA's JSON or CSV", SourceFormat.VIA),
    "label-studio": Recognised("Label Studio's JSON", SourceFormat.LABEL_STUDIO),
    "open-images": Recognised("Open Images' tables", SourceFormat.OPEN_IMAGES),
    "csv": Recognised("a CSV of boxes", SourceFormat.CSV),
}


def recognise(source: Path) -> Recognised | None:
    """Return the format of the annotations in a file or below a folder; ``None`` if none is known.

    Args:
        source: an existing file or folder.
    """
    names = list(_names(source))
    by_suffix: dict[str, list[str]] = {}
    for name in names:
        by_suffix.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    root = source if source.is_dir() else source.parent
    for suffix, tell in _TELLERS:
        told = [key for name in by_suffix.get(suffix, ())[:_MOST_HEADS] if (key := tell(name, _head(root / name)))]
        if told:
            return {**_FOREIGN, **_READ}[told[0]]
    return _by_names(names, by_suffix, root)


def _names(source: Path) -> Iterator[str]:
    """Yield the visible files, by relative name, sorted in each folder."""
    if not source.is_dir():
        yield source.name
        return
    left = _MOST_FILES
    for place, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if left == 0:
                return
            left -= 1
            if not name.startswith("."):
                yield (Path(place) / name).relative_to(source).as_posix()


def _head(path: Path) -> bytes:
    try:
        descriptor, _ = open_regular(path, most_bytes=1 << 40)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _HEAD_BYTES)
    finally:
        os.close(descriptor)


def _of_xml(_name: str, head: bytes) -> str:
    visible = head.replace(b"\0", b"")
    if b"<annotations" in visible:
        return "cvat"
    return "voc" if b"<annotation" in visible else ""


# The first of which all words are in the beginning of a file; the more particular come first.
_JSON = (
    ("supervisely", (b'"classTitle"',)),
    ("supervisely", (b'"geometryType"',)),
    ("supervisely", (b'"classes"', b'"title"', b'"shape"')),
    ("datumaro", (b'"dm_format_version"',)),
    ("datumaro", (b'"items"', b'"categories"', b'"label"')),
    ("via", (b'"project"', b'"config"', b'"attribute"', b'"view"')),
    ("via", (b'"shape_attributes"',)),
    ("via", (b'"_via_',)),
    ("via", (b'"regions"', b'"filename"')),
    ("labelme", (b'"shapes"', b'"flags"')),
    ("labelme", (b'"shapes"', b'"imagePath"')),
    ("createml", (b'"coordinates"', b'"annotations"')),
    ("vott", (b'"asset"', b'"regions"')),
    ("darwin", (b'"item"', b'"bounding_box"')),
    ("labelbox", (b'"data_row"', b'"projects"')),
    ("ground-truth", (b'"source-ref"',)),
    ("ultralytics", (b'"type"', b'"dataset"', b'"class_names"')),
    ("edge-impulse", (b'"boundingBoxes"',)),
    ("label-studio", (b'"rectanglelabels"',)),
    ("label-studio", (b'"polygonlabels"',)),
    ("label-studio", (b'"annotations"', b'"result"')),
    ("label-studio", (b'"completions"', b'"result"')),
    ("coco", (b'"images"', b'"file_name"')),
    ("coco", (b'"annotations"', b'"image_id"')),
    ("coco", (b'"categories"', b'"supercategory"')),
)


def _of_json(_name: str, head: bytes) -> str:
    return next((key for key, words in _JSON if all(word in head for word in words)), "")


def _of_csv(_name: str, head: bytes) -> str:
    columns = re.split(rb"[,;\t]", head.partition(b"\n")[0].lower().strip(b"\xef\xbb\xbf\r "))
    first = {column.strip(b'" ').lstrip(b"#") for column in columns}
    if b"region_shape_attributes" in first:
        return "via"
    if re.match(rb"(?:TRAIN|TEST|VALIDAT\w+|UNASSIGNED),gs://", head):
        return "automl"
    if {b"imageid", b"xmin"} <= first:
        return "open-images"
    return "csv" if first & {b"xmin", b"x_min", b"x1"} else ""


def _of_yaml(_name: str, head: bytes) -> str:
    return "yolo" if re.search(rb"(?m)^names\s*:", head) else ""


_TELLERS: tuple[tuple[str, Callable[[str, bytes], str]], ...] = (
    (".xml", _of_xml),
    (".json", _of_json),
    (".yaml", _of_yaml),
    (".yml", _of_yaml),
    (".csv", _of_csv),
    (".ndjson", _of_json),
    (".manifest", _of_json),
)


def _by_names(names: list[str], by_suffix: dict[str, list[str]], root: Path) -> Recognised | None:
    own = {PurePosixPath(name).name.lower() for name in names}
    told = next((key for key, is_told in _NAMED.items() if any(map(is_told, own))), None)
    if told:
        return _FOREIGN[told]
    texts = by_suffix.get(".txt", [])
    heads = [_head(root / name) for name in texts[:_MOST_HEADS]]
    key = next((key for key, line in _LINES.items() if any(map(line.match, heads))), None)
    if key:
        return _FOREIGN[key]
    if texts and (own & set(_NAME_LISTS) or any(map(_LABEL_LINE.match, heads))):
        return _READ["yolo"]
    return _FOREIGN["archives"] if any(name.endswith(_ARCHIVES) for name in own) else None
