"""Records by Apache Beam against those of this machine's processes: the same files, byte by byte, the same failures.

``ci/inv --profile beam ci.beam`` runs it: the test profile has no Beam, and the beam profile no pytest.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import yaml
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from PIL import Image

from edgetrain.annotations.voc import write_annotation
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import EdgetrainError, LabelMapError, SettingsError, ToolError
from edgetrain.core.label_map import LabelMap
from edgetrain.core.settings import Settings
from edgetrain.core.splits import Split
from edgetrain.core.workspace import Workspace
from edgetrain.core.workspace.label_map_file import write_label_map
from edgetrain.dataset.division import write_split_list
from edgetrain.records import write as records
from tests.support.places import PROJECT_DIR

PICTURES = 60
ORIENTATION, QUARTER_TURN = 0x0112, 6
LOCAL = {
    "in one process": (),
    "in two processes": ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
}
WRONG = {
    ("NoRunner", ()): (SettingsError, "records.runner NoRunner: Unexpected pipeline runner"),
    ("DataflowRunner", ()): (SettingsError, "Missing required option: project"),
    ("DirectRunner", ("--no_such=1",)): (SettingsError, "--no_such is no option of DirectRunner"),
    ("direct", ("direct_num_workers=2",)): (SettingsError, "'direct_num_workers=2' is not of the form --name=value"),
    ("DirectRunner", ("--direct_num_workers=x",)): (SettingsError, "invalid int value: 'x'"),
    ("PortableRunner", ("--job_endpoint=localhost:1", "--job_server_timeout=1")): (ToolError, "the pipeline failed"),
}


def draw(root, number):
    """Draw picture ``number``: JPEG or PNG, small or to be scaled down, turned by EXIF, with zero to two boxes."""
    stem, suffix = f"{number:04d}", (".jpg", ".png")[number % 4 == 1]
    size = ImageSize(640, 480) if number % 5 == 2 else ImageSize(64, 48)
    image = Image.effect_noise((size.width, size.height), 60 + number).convert("RGB")
    exif = image.getexif()
    if number % 4 == 2:
        exif[ORIENTATION] = QUARTER_TURN
        size = ImageSize(size.height, size.width)  # the boxes are drawn on what a viewer shows
    (root / "images").mkdir(parents=True, exist_ok=True)
    image.save(root / "images" / f"{stem}{suffix}", exif=exif)
    boxes = [LabelledBox("house", BoundingBox(4, 6 + 9 * index, 28, 40), line=1) for index in range(number % 3)]
    path = root / "annotations" / f"{stem}.xml"
    write_annotation(path, Annotation(path, f"{stem}{suffix}", 1, size, 1, tuple(boxes)))
    return f"annotations/{stem}.xml"


class Trial:
    """One small dataset with a workspace, its records written again and again."""

    def __init__(self, root):
        """Draw the dataset and write lists and label map."""
        self._root = root
        self._workspace = Workspace(root / "build")
        names = [draw(root / "dataset", number) for number in range(PICTURES)]
        for split, share in zip(Split, (names[:40], names[40:49], names[49:])):
            write_split_list(self._workspace.split_path(split), share)
        self.write_classes("house")

    def write_classes(self, *names):
        """Write the label map."""
        write_label_map(self._workspace.label_map_path, LabelMap(names))

    def write(self, runner="", options=()):
        """Write the records; return the report and the bytes of each file."""
        config = yaml.safe_load((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))
        flags = {"dataset.root": self._root / "dataset", "workspace.root": self._workspace.root}
        flags |= {"records.runner": runner, "records.beam_options": options}
        flags |= {"records.shards": 4, "records.max_side": 200}
        report = records.run(Settings.from_mapping(config, base_dir=PROJECT_DIR, flags=flags), self._workspace)
        return report, self.files()

    def files(self):
        """Return the bytes of all records by name, whatever else is in their folder included."""
        return {path.name: path.read_bytes() for path in sorted(self._workspace.records_dir.iterdir())}

    def failure(self, *given):
        """Return the error that writing ends with; what was there must stay."""
        before = self.files()
        try:
            self.write(*given)
        except EdgetrainError as error:
            assert self.files() == before
            assert sorted(path.name for path in self._workspace.root.glob(".records*")) == []
            return error
        raise AssertionError(given)


def main():
    """Write records in every way; stop at the first difference."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        expected = trial.write()
        # Of the 40 pictures that train, 10 are turned, 8 are scaled down, 2 of them both.
        assert (len(expected[1]), expected[0].results["splits"]["train"]["encoded_anew"]) == (12, 16)
        port = LocalJobServicer(str(Path(folder, "staged"))).start_grpc_server()
        portable = ("PortableRunner", (f"--job_endpoint=localhost:{port}", "--environment_type=LOOPBACK"))
        ways = {**{name: ("DirectRunner", options) for name, options in LOCAL.items()}, "by a job service": portable}
        for name, way in ways.items():
            started = time.monotonic()
            assert trial.write(*way) == expected, name
            print(f"{name}: {len(expected[1])} files, the same bytes, {time.monotonic() - started:.1f} s")  # noqa: T201
        for way, (kind, text) in WRONG.items():
            error = trial.failure(*way)
            assert isinstance(error, kind), error
            assert text in str(error), error
        trial.write_classes("horse")
        message = str(trial.failure())
        for name, way in ways.items():
            error = trial.failure(*way)
            assert (type(error), str(error)) == (LabelMapError, message), name
        print(f"{len(WRONG) + len(ways)} failures, each told as it should be; the records before stayed")  # noqa: T201


if __name__ == "__main__":  # Beam's worker processes import this module
    main()
