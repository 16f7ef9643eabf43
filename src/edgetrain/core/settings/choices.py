"""What a setting may choose from: networks, precisions, and who works on a step."""

from __future__ import annotations

import enum


class NetworkType(enum.Enum):
    """The detectors that can be trained."""

    MOBILENET_V1_SSD = "mobilenet_v1_ssd"
    MOBILENET_V2_SSD = "mobilenet_v2_ssd"
    MOBILENET_V2_SSDLITE = "mobilenet_v2_ssdlite"
    MOBILEDET_SSD = "mobiledet_ssd"
    MOBILENET_V2_FPNLITE = "mobilenet_v2_fpnlite"
    MOBILENET_V1_FPN = "mobilenet_v1_fpn"

    @property
    def own_image_size(self) -> int:
        """Side of the input, in pixels, for which the network is published."""
        return _OWN_IMAGE_SIZES[self]

    @property
    def image_size_step(self) -> int:
        """What the side of the input must be a multiple of: the levels of a pyramid are doubled and added up."""
        return 32 if self in (NetworkType.MOBILENET_V2_FPNLITE, NetworkType.MOBILENET_V1_FPN) else 1


_OWN_IMAGE_SIZES = {
    NetworkType.MOBILENET_V1_SSD: 300,
    NetworkType.MOBILENET_V2_SSD: 300,
    NetworkType.MOBILENET_V2_SSDLITE: 300,
    NetworkType.MOBILEDET_SSD: 320,
    NetworkType.MOBILENET_V2_FPNLITE: 320,
    NetworkType.MOBILENET_V1_FPN: 640,
}


class Precision(enum.Enum):
    """What a training computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class DistributionKind(enum.Enum):
    """Who works on a step of training."""

    NONE = "none"
    GPUS = "gpus"
    WORKERS = "workers"
