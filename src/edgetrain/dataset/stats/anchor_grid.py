"""The anchors of a network, computed from its template without TensorFlow, and how well they fit a box.

Accepted: pipeline templates with one anchor generator of the Object Detection API and its defaults: either
``ssd_anchor_generator``, for feature maps that begin at stride 16 and halve from layer to layer, as those of SSD
MobileNet v1 and v2, or ``multiscale_anchor_generator``, for feature pyramids.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetrain.core.boxes import BoundingBox, iou
from edgetrain.core.errors import SettingsError
from edgetrain.core.project import TEMPLATES_DIR

_FIRST_STRIDE = 16
_LOWEST_SCALE = 0.1  # of the one square anchor that the lowest layer has beside two flat ones
_GENERATOR = re.compile(r"\b(ssd|multiscale)_anchor_generator\s*\{([^{}]*)\}")
_EXTENDS = re.compile(r"""\{%-?\s*extends\s+["']([^"']+)["']""")
_RATIOS = re.compile(r"aspect_ratios\s*:\s*\[([^\]]*)\]")


@dataclass(frozen=True)
class AnchorShape:
    """The anchors of one shape, ``grid`` x ``grid`` of them.

    ``layer`` counts from 0. All lengths are fractions of the network's input: ``offset`` is the middle of the first
    anchor, ``stride`` leads to the next one, in both directions.
    """

    layer: int
    grid: int
    offset: float
    stride: float
    scale: float
    aspect_ratio: float
    width: float
    height: float

    def best_iou(self, box: BoundingBox) -> float:
        """Return the greatest IoU of an anchor of this shape with a box, both as fractions of the picture.

        All anchors of a shape are equal, so the nearest one overlaps most, in each direction by itself.
        """
        x, y = (self._nearest((low + high) / 2) for low, high in ((box.xmin, box.xmax), (box.ymin, box.ymax)))
        half_width, half_height = self.width / 2, self.height / 2
        return iou(box, BoundingBox(x - half_width, y - half_height, x + half_width, y + half_height))

    def _nearest(self, place: float) -> float:
        cell = math.floor((place - self.offset) / self.stride + 0.5)
        return self.offset + min(max(0, cell), self.grid - 1) * self.stride


def read_anchor_shapes(network_type: str, image_size: int, *, templates_dir: Path = TEMPLATES_DIR) -> list[AnchorShape]:
    """Return the anchor shapes of a network in the order of its layers.

    Args:
        network_type: name of its pipeline template.
        image_size: side of the network's input in pixels.
        templates_dir: where templates are.

    Raises:
        SettingsError: the template has no generator of anchors.
    """
    name = f"pipeline/{network_type}.config"
    while True:
        text = (templates_dir / name).read_text(encoding="utf-8")
        found = _GENERATOR.search(text)
        if found:
            return list((_shapes if found[1] == "ssd" else _pyramid_shapes)(found[2], image_size))
        parent = _EXTENDS.search(text)
        if parent is None:
            raise SettingsError(f"templates/{name}: it has no anchor generator, so anchors are unknown. Add one.")
        name = parent[1]


def _shapes(text: str, image_size: int) -> Iterator[AnchorShape]:
    layers, low, high = int(_number(text, "num_layers")), _number(text, "min_scale"), _number(text, "max_scale")
    ratios = _ratios(text)
    scales = [low + (high - low) * layer / (layers - 1) for layer in range(layers)] + [1.0]
    for layer, grid in enumerate(_grids(image_size, layers)):
        scale = scales[layer]
        pairs = [(scale, ratio) for ratio in ratios] + [(math.sqrt(scale * scales[layer + 1]), 1.0)]
        for own, ratio in pairs if layer else [(_LOWEST_SCALE, 1.0), (scale, 2.0), (scale, 0.5)]:
            width, height = own * math.sqrt(ratio), own / math.sqrt(ratio)
            yield AnchorShape(layer, grid, 0.5 / grid, 1 / grid, own, ratio, width, height)


def _pyramid_shapes(text: str, image_size: int) -> Iterator[AnchorShape]:
    low, high = int(_number(text, "min_level")), int(_number(text, "max_level"))
    octave, base = int(_number(text, "scales_per_octave")), _number(text, "anchor_scale")
    for layer, step in enumerate(2**level for level in range(low, high + 1)):
        stride = step / image_size
        # The API's own rule: where the cells do not fill the input, the first anchor sits on its edge.
        offset = 0.0 if image_size % step else stride / 2
        for part in range(octave):
            scale = base * stride * 2 ** (part / octave)
            for ratio in _ratios(text):
                width, height = scale * math.sqrt(ratio), scale / math.sqrt(ratio)
                grid = math.ceil(image_size / step)
                yield AnchorShape(layer, grid, offset, stride, scale, ratio, width, height)


def _ratios(text: str) -> list[float]:
    listed = _RATIOS.search(text)
    return [float(ratio) for ratio in listed[1].split(",")] if listed else []


def _number(text: str, key: str) -> float:
    found = re.search(rf"\b{key}\s*:\s*([0-9.]+)", text)
    if found is None:
        raise SettingsError(f"templates/pipeline: the anchor generator has no {key}. Add it.")
    return float(found[1])


def _grids(image_size: int, layers: int) -> Sequence[int]:
    grids = [math.ceil(image_size / _FIRST_STRIDE)]
    while len(grids) < layers:
        grids.append(math.ceil(grids[-1] / 2))
    return grids
