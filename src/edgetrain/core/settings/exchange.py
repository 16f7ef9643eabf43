"""What can be chosen about annotations that come from elsewhere or go there."""

from __future__ import annotations

import enum


class ExchangeFormat(enum.Enum):
    """The formats of annotations that are imported and exported, beside Pascal VOC."""

    CSV = "csv"
    COCO = "coco"
    YOLO = "yolo"
    CVAT = "cvat"
    LABELME = "labelme"
    OPEN_IMAGES = "open-images"


class SourceFormat(enum.Enum):
    """The formats of annotations that are imported."""

    VOC = "voc"
    CSV = "csv"
    COCO = "coco"
    YOLO = "yolo"
    CVAT = "cvat"
    LABELME = "labelme"
    OPEN_IMAGES = "open-images"
    VIA = "via"
    LABEL_STUDIO = "label-studio"


class DrawnOn(enum.Enum):
    """The form of a picture with an EXIF orientation on which its boxes were drawn."""

    TURNED = "turned"
    STORED = "stored"


class EmptiedPictures(enum.Enum):
    """What becomes of pictures none of whose objects is left."""

    STOP = "stop"
    NEGATIVES = "negatives"
    LEAVE_OUT = "leave-out"
