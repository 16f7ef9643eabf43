"""The sections of the settings as typed values, each with the range of what it accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from edgetrain.core.rules import RULES, RuleLevel
from edgetrain.core.settings.choices import DistributionKind, NetworkType, Precision
from edgetrain.core.settings.class_choice import ClassChoice
from edgetrain.core.settings.exchange import DrawnOn, EmptiedPictures, ExchangeFormat, SourceFormat


def _at_least(low: float) -> dict[str, float]:
    return {"low": low}


def _between(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


@dataclass(frozen=True)
class DatasetSettings:
    """Where the labelled images are, which of their classes are learnt, and whether links may lead anywhere.

    Without ``follow_links`` they may lead only within the dataset. What git-annex and DVC keep for the repository
    around it counts as within.
    """

    root: Path
    classes: ClassChoice
    follow_links: bool


@dataclass(frozen=True)
class WorkspaceSettings:
    """Where everything that is made goes."""

    root: Path


@dataclass(frozen=True)
class ValidateSettings:
    """How strict the review of the dataset is, and what it looks at.

    ``rules`` gives rules another severity (``error``, ``warning``, ``off``); ``min_box_side`` is in pixels of the
    network's input. With ``pixels`` every picture is decoded. ``since`` is a git revision: only files changed since
    then are held against the rules for single files (empty: all).
    """

    strict: bool
    rules: dict[str, str] = field(metadata={"keys": tuple(RULES), "choices": tuple(one.value for one in RuleLevel)})
    min_box_side: float = field(metadata=_between(1, 1280))
    min_class_boxes: int = field(metadata=_at_least(0))
    pixels: bool
    since: str


@dataclass(frozen=True)
class FixSettings:
    """Whether repairs of the dataset are written or only shown."""

    apply: bool


@dataclass(frozen=True)
class LabelSettings:
    """The program with which pictures are labelled."""

    tool: str


@dataclass(frozen=True)
class ImportAnnotationsSettings:
    """What is imported, and what the user decided about things that the source cannot tell.

    Other shapes, and crowds, may become boxes; ``boxes_drawn_on`` is about pictures with an EXIF orientation;
    ``emptied_pictures`` about those that lost all their objects; ``columns`` are those of a table without a header, and
    ``class_name`` is that of objects for which VIA or Label Studio states none (empty: that is a fault). A file of
    annotations of more than ``max_megabytes`` (MiB) is refused.
    """

    format: Optional[SourceFormat]
    source: Optional[Path]
    boxes_from_polygons: bool
    boxes_from_crowds: bool
    boxes_drawn_on: Optional[DrawnOn]
    emptied_pictures: EmptiedPictures
    columns: tuple[str, ...]
    class_name: str
    max_megabytes: int = field(metadata=_between(1, 65_536))
    replace: bool


@dataclass(frozen=True)
class ExportAnnotationsSettings:
    """The format that is written, and the file or folder, which must not exist."""

    format: Optional[ExchangeFormat]
    out: Optional[Path]


@dataclass(frozen=True)
class CollectSettings:
    """Which pictures are fetched, how many, from whom, and how politely.

    ``limit`` is how many pictures of the query the dataset shall have; ``licences`` are codes of ``core.licences``;
    ``min_side`` is in pixels; ``contact`` stands in the User-Agent. ``timeout_seconds`` limits one request as a whole;
    ``retry_seconds`` is the pause before the second attempt, doubled for each further one.
    """

    query: str
    limit: int = field(metadata=_between(1, 100_000))
    provider: tuple[str, ...]
    licences: tuple[str, ...]
    min_side: int = field(metadata=_between(1, 10_000))
    max_megabytes: int = field(metadata=_between(1, 200))
    contact: str = field(metadata={"pattern": "[ -~]*", "shape": "an e-mail or web address in ASCII"})
    jobs: int = field(metadata=_between(1, 32))
    seconds_between_requests: float = field(metadata=_between(0, 3600))
    retry_seconds: float = field(metadata=_between(0, 600))
    timeout_seconds: float = field(metadata=_between(0.1, 3600))
    openverse_url: str
    wikimedia_url: str


@dataclass(frozen=True)
class SplitSettings:
    """Shares (0 to 1) of the pictures for validation and test, and which pictures stay together.

    ``group_pattern`` is a regular expression with one group: annotations for which that finds the same text belong
    together (empty: none do by name).
    """

    validation: float = field(metadata=_between(0, 0.9))
    test: float = field(metadata=_between(0, 0.9))
    seed: int = field(metadata=_at_least(0))
    group_pattern: str = field(metadata={"is_group_pattern": True})


@dataclass(frozen=True)
class RecordsSettings:
    """Shape of the TFRecords, and what they are made of.

    ``shards`` is the number of files for each split (0: one for 1,000 pictures); ``max_side`` the longest side of a
    picture in pixels (0: eight times the network's input); ``jobs`` the number of processes (0: one for each core).
    ``runner`` is the one of Apache Beam that converts (empty: processes of this machine do), ``beam_options`` are
    further options for it. ``from_csv`` is an edited table, or a folder of such, whose rows stand in place of their
    pictures' annotations.
    """

    shards: int = field(metadata=_between(0, 10_000))
    max_side: int = field(metadata=_between(0, 65_500))
    jobs: int = field(metadata=_between(0, 256))
    runner: str
    beam_options: tuple[str, ...]
    from_csv: Optional[Path]


@dataclass(frozen=True)
class NetworkSettings:
    """The detector: its type, input side in pixels, width of its layers, boxes read for each picture.

    An ``image_size`` of 0 is the network's own, which ``Settings`` puts in its place.
    """

    type: NetworkType
    image_size: int = field(metadata={**_between(96, 1280), "or": 0})
    depth_multiplier: float = field(metadata=_between(0.1, 2))
    max_boxes: int = field(metadata=_between(1, 1000))


@dataclass(frozen=True)
class CheckpointSettings:
    """The weights that training starts from: archive and digest, and the defaults for each network type."""

    url: str = field(metadata={"is_url": True})
    sha256: str = field(metadata={"pattern": "|[0-9a-fA-F]{64}", "shape": "64 hexadecimal digits, or empty"})
    mobilenet_v1_ssd_url: str
    mobilenet_v2_ssd_url: str
    mobilenet_v2_ssdlite_url: str
    mobiledet_ssd_url: str
    mobilenet_v2_fpnlite_url: str
    mobilenet_v2_fpnlite_640_url: str
    mobilenet_v1_fpn_url: str


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast the detector learns, how often it is judged meanwhile, and where the run lies.

    Of a model that is trained whole, the first ``frozen_blocks`` of the backbone keep their weights, and with
    ``freeze_batch_norm`` the whole backbone its statistics. ``weight_average`` is the decay of a moving average of the
    weights, 0 for none; classes in fewer pictures than ``rare_class_share`` of all are shown more often.

    Each picture has ``augmented_versions``, 0 for a new one each time it is shown (``None``: 0, or some with a frozen
    backbone, which then sees each once).

    ``distribution`` says who works on a step. ``cluster`` is the text of ``TF_CONFIG``, which names the workers; they
    wait ``meeting_seconds`` for each other.

    0 for ``validate_every_steps`` means as often as is cheap; ``patience`` judgements without a better AP end the
    training, 0 never do. ``state_dir`` is a folder that outlives the workspace (``None``: the run lies in the
    workspace); in it, runs that nobody touched for ``state_days`` are removed.
    """

    steps: int = field(metadata=_at_least(1))
    batch_size: int = field(metadata=_between(1, 1024))
    train_whole_model: bool
    learning_rate: float = field(metadata=_between(1e-8, 10))
    warmup: float = field(metadata=_between(0, 0.9))
    gradient_clip_norm: float = field(metadata=_at_least(0))
    augmentations: tuple[str, ...]
    augmented_versions: Optional[int] = field(metadata=_between(0, 1000))
    frozen_blocks: int = field(metadata=_between(0, 22))
    freeze_batch_norm: bool
    weight_average: float = field(metadata=_between(0, 0.99999))
    rare_class_share: float = field(metadata=_between(0, 1))
    precision: Precision
    distribution: DistributionKind
    cluster: str
    meeting_seconds: float = field(metadata=_at_least(1))
    cache_mb: float = field(metadata=_at_least(0))
    checkpoint_every_steps: int = field(metadata=_at_least(1))
    validate_every_steps: int = field(metadata=_at_least(0))
    patience: int = field(metadata=_at_least(0))
    keep_best: bool
    seed: int = field(metadata=_at_least(0))
    state_dir: Optional[Path]
    state_days: float = field(metadata=_between(1, 3650))
    resume: bool
    restart: bool


@dataclass(frozen=True)
class ExportSettings:
    """What the exported graph reports for each picture."""

    max_detections: int = field(metadata=_between(2, 1000))


@dataclass(frozen=True)
class QuantizeSettings:
    """How the ranges of the activations are measured."""

    representative_images: int = field(metadata=_at_least(1))
    seed: int = field(metadata=_at_least(0))


@dataclass(frozen=True)
class EvaluateSettings:
    """Which split judges the model, how much AP quantization may cost, and what AP50 int8 must have (``None``: any).

    ``threshold_rule`` chooses a score threshold for each class: the best F1, the most objects with a precision of at
    least ``min_precision`` (0 to 1), or the most with at most ``max_false_alarms`` of the class on a hundred pictures.
    """

    split: str = field(metadata={"choices": ("train", "validation", "test")})
    max_ap_drop: Optional[float] = field(metadata=_between(0, 1))
    min_ap50: Optional[float] = field(metadata=_between(0, 1))
    threshold_rule: str = field(metadata={"choices": ("best-f1", "min-precision", "max-false-alarms")})
    min_precision: float = field(metadata=_between(0, 1))
    max_false_alarms: float = field(metadata=_at_least(0))


@dataclass(frozen=True)
class ModelSettings:
    """A TFLite detector of your own for evaluate, compile, hardware, bundle and report (``None``: the workspace's).

    ``labels`` are its class names by index (``None``: those in its file); ``decoder`` is what its outputs mean.
    """

    file: Optional[Path]
    labels: Optional[Path]
    decoder: str = field(metadata={"choices": ("auto", "ssd", "yolo-dfl", "yolo", "efficientdet")})


@dataclass(frozen=True)
class PreflightSettings:
    """A TFLite file to judge instead of the workspace's model (``None``: that one), and what it must reach.

    ``min_level`` is how much of that file must run on the Edge TPU; ``any``: as much as comes, if only it compiles.
    """

    model: Optional[Path]
    min_level: str = field(metadata={"choices": ("any", "hardly", "mostly", "all")})


@dataclass(frozen=True)
class AdaptSettings:
    """A TFLite file to rewrite for the compiler, and the file to write."""

    model: Optional[Path]
    out: Optional[Path]


@dataclass(frozen=True)
class CompileSettings:
    """How ``edgetpu_compiler`` is called.

    ``program`` is its name or path; ``min_runtime_version`` the oldest runtime that the model must run on;
    ``timeout_seconds`` is the compiler's own limit, a little later it is ended from outside.
    """

    program: str
    min_runtime_version: int = field(metadata=_between(12, 14))
    search_delegate: bool
    delegate_search_step: int = field(metadata=_between(1, 1000))
    timeout_seconds: int = field(metadata=_between(1, 86_400))


@dataclass(frozen=True)
class HardwareSettings:
    """Which device is tried, how, and what it must reach.

    ``max_latency_ms`` limits the 90th percentile; ``min_agreement`` is the share of the objects (with ``min_score`` or
    more) that device and CPU must both find; ``max_ap_drop`` is the AP that the device may lose against the CPU.
    """

    device: str = field(metadata={"pattern": "edgetpu|cpu|(usb|pci):[0-9]+", "shape": "edgetpu, cpu, usb:N or pci:N"})
    api: str = field(metadata={"choices": ("auto", "pycoral", "delegate")})
    delegate_library: str
    inferences: int = field(metadata=_between(1, 1_000_000))
    warmup: int = field(metadata=_between(0, 10_000))
    minutes: float = field(metadata=_between(0, 10_080))
    timeout_seconds: float = field(metadata=_between(1, 3600))
    min_score: float = field(metadata=_between(0, 1))
    min_agreement: float = field(metadata=_between(0, 1))
    max_ap_drop: float = field(metadata=_between(0, 1))
    max_latency_ms: Optional[float] = field(metadata=_between(0, 60_000))


@dataclass(frozen=True)
class BundleSettings:
    """What is handed over: for whom, under which name (empty: the dataset's), and if a device must have passed it."""

    format: str = field(metadata={"choices": ("frigate", "pycoral")})
    name: str
    unproven: bool


@dataclass(frozen=True)
class PromoteSettings:
    """Where the champion's record lies, and what a challenger must reach to take its place.

    ``champion`` is a branch (also a tag or commit, to compare with only) of ``repository`` (``None``: the one that the
    dataset lies in), of its ``remote`` where one is named. Gains and drops are differences of AP, 0 to 1;
    ``class_floors`` are APs by class name; ``max_latency_ms`` and ``max_latency_gain`` (a share of the champion's)
    limit the 90th percentile; ``max_missing_pictures`` is a share of the champion's test pictures.
    """

    champion: str
    repository: Optional[Path]
    remote: str
    rollback: bool
    min_gain: float = field(metadata=_between(-1, 1))
    max_class_drop: float = field(metadata=_between(0, 1))
    min_class_boxes: int = field(metadata=_at_least(1))
    class_floors: dict[str, float] = field(metadata=_between(0, 1))
    max_ap_drop: float = field(metadata=_between(0, 1))
    max_latency_ms: Optional[float] = field(metadata=_between(0, 60_000))
    max_latency_gain: float = field(metadata=_between(0, 100))
    max_missing_pictures: float = field(metadata=_between(0, 1))


@dataclass(frozen=True)
class DemoSettings:
    """The drawn dataset of the demo."""

    pictures: int = field(metadata=_at_least(12))
    seed: int = field(metadata=_at_least(0))
