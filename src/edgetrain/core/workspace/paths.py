"""Every path that the project writes, below one folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from edgetrain.core.splits import Split


@dataclass(frozen=True)
class Workspace:
    """The folder of one dataset's results; nothing outside it is ever written by a stage."""

    root: Path
    own_model: Optional[Path] = None

    def with_model(self, path: Path | None) -> Workspace:
        """Return the workspace for a model of the user's own; what is made of that lies apart from what is trained."""
        return replace(self, own_model=path)

    @property
    def dataset_path(self) -> Path:
        """Keys of the pictures that the results were made from."""
        return self.root / "dataset.json"

    @property
    def review_cache_path(self) -> Path:
        """What the last review found in each file."""
        return self.root / "cache" / "review.json"

    @property
    def reports_dir(self) -> Path:
        """One JSON for each stage, and the HTML page."""
        return self.root / "reports"

    def report_path(self, stage: str) -> Path:
        """Return the JSON of one stage."""
        return self.reports_dir / f"{stage}.json"

    @property
    def report_page_path(self) -> Path:
        """The self-contained HTML page."""
        return self.reports_dir / "index.html"

    @property
    def plots_dir(self) -> Path:
        """The figures of the page as picture files."""
        return self.reports_dir / "plots"

    @property
    def comparison_path(self) -> Path:
        """The page that holds runs against each other."""
        return self.reports_dir / "compare.html"

    @property
    def detections_path(self) -> Path:
        """Every labelled box and every detection of the evaluated pictures."""
        return self.reports_dir / "detections.csv"

    @property
    def runs_dir(self) -> Path:
        """The reports of former runs, a folder for each."""
        return self.root / "runs"

    def fix_backup_dir(self, number: int) -> Path:
        """Return where one run of ``fix`` (from 1) keeps the files of the dataset as they were."""
        return self.root / "fix-backup" / str(number)

    @property
    def label_classes_path(self) -> Path:
        """Class names, one a line, that the labelling program offers."""
        return self.root / "label" / "classes.txt"

    @property
    def log_path(self) -> Path:
        """What the libraries wrote during all runs."""
        return self.root / "logs" / "libraries.log"

    @property
    def pixel_cache_path(self) -> Path:
        """What decoding each picture showed, by the picture's digest; may be removed at any time."""
        return self.root / "cache" / "pixels.json"

    @property
    def unzipped_dir(self) -> Path:
        """Where a dataset lies that was given as a zip."""
        return self.root / "dataset-from-zip"

    @property
    def splits_dir(self) -> Path:
        """Three lists of annotations."""
        return self.root / "splits"

    def split_path(self, split: Split) -> Path:
        """Return the list of one split: annotation files relative to the dataset, one a line."""
        return self.splits_dir / f"{split.value}.txt"

    @property
    def split_record_path(self) -> Path:
        """How the lists beside it were made."""
        return self.splits_dir / "made-with.json"

    @property
    def annotations_dir(self) -> Path:
        """Tables and label map."""
        return self.root / "annotations"

    def table_path(self, split: Split) -> Path:
        """Return the CSV of one split."""
        return self.annotations_dir / f"{split.value}_labels.csv"

    @property
    def label_map_path(self) -> Path:
        """The Object Detection API's label map, ids from 1."""
        return self.annotations_dir / "label_map.pbtxt"

    @property
    def labels_path(self) -> Path:
        """Class names, one a line, in the order of a model's output indices (from 0)."""
        return self.annotations_dir / "labels.txt"

    @property
    def records_dir(self) -> Path:
        """TFRecord shards of all splits."""
        return self.root / "records"

    def shard_path(self, split: Split, shard: int, shards: int) -> Path:
        """Return the path of one shard (from 0) of a split."""
        return self.records_dir / f"{split.value}.record-{shard:05d}-of-{shards:05d}"

    def shard_paths(self, split: Split) -> list[Path]:
        """Return the existing shards of a split, sorted."""
        return sorted(self.records_dir.glob(f"{split.value}.record-?????-of-?????"))

    def shard_pattern(self, split: Split) -> Path:
        """Return the pattern that matches the shards of a split."""
        return self.records_dir / f"{split.value}.record-?????-of-?????"

    @property
    def downloads_dir(self) -> Path:
        """Archives as fetched; a broken download is continued here."""
        return self.root / "downloads"

    @property
    def checkpoint_dir(self) -> Path:
        """The unpacked checkpoint that training starts from."""
        return self.root / "checkpoint"

    @property
    def pipeline_config_path(self) -> Path:
        """The Object Detection API's configuration of model, training and input."""
        return self.root / "pipeline.config"

    @property
    def train_dir(self) -> Path:
        """Checkpoints and TensorBoard events of the run."""
        return self.root / "train"

    @property
    def history_path(self) -> Path:
        """The course of the run: one row for each logged step."""
        return self.train_dir / "history.csv"

    @property
    def first_batch_path(self) -> Path:
        """Pictures of the run's first batch after augmentation, as a TFRecord."""
        return self.train_dir / "first-batch.record"

    @property
    def previous_train_dir(self) -> Path:
        """The run that was there before the settings changed."""
        return self.root / "train.previous"

    @property
    def trained_dir(self) -> Path:
        """The checkpoint of a finished run."""
        return self.train_dir / "final"

    @property
    def saved_model_dir(self) -> Path:
        """The exported graph."""
        return self.root / "export" / "saved_model"

    @property
    def model_dir(self) -> Path:
        """TFLite models."""
        return self.root / ("model" if self.own_model is None else "own-model")

    @property
    def float_model_path(self) -> Path:
        """The float32 TFLite model."""
        return self.model_dir / "model_float.tflite"

    @property
    def model_path(self) -> Path:
        """The full-int8 TFLite model: uint8 in, float32 out, boxes, classes, scores, count; or the user's own."""
        return self.own_model or self.model_dir / "model.tflite"

    @property
    def compiled_model_path(self) -> Path:
        """The model as ``edgetpu_compiler`` made it."""
        return self.model_dir / "model_edgetpu.tflite"

    @property
    def stand_in_model_path(self) -> Path:
        """What a stand-in of the compiler made: for tests and rehearsals, never for a device."""
        return self.model_dir / "model_edgetpu.stand-in.tflite"

    @property
    def compiler_log_path(self) -> Path:
        """What the compiler said and logged."""
        return self.model_dir / "model_edgetpu.log"

    def bundle_path(self, name: str) -> Path:
        """Return the archive of a bundle."""
        return self.bundle_dir / f"{name}.tar.gz"

    @property
    def bundle_dir(self) -> Path:
        """What is handed over."""
        return self.root / "bundle"

    @property
    def hardware_junit_path(self) -> Path:
        """The checks of the hardware stage as JUnit XML."""
        return self.reports_dir / "hardware.xml"

    def relative(self, path: Path) -> str:
        """Return a path below the workspace as text relative to it, with forward slashes."""
        return path.relative_to(self.root).as_posix()
