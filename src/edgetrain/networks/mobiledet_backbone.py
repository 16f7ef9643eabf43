"""MobileDet-EdgeTPU, the backbone that was searched for Google's Edge TPU, in Keras.

Source of blocks and numbers: Xiong, Liu et al., MobileDets (https://arxiv.org/abs/2004.14525), as the Object Detection
API has them for TensorFlow 1 (tensorflow/models, research/object_detection/models/ssd_mobiledet_feature_extractor.py).
Beside the inverted bottleneck there are two blocks with ordinary convolutions, of which the Edge TPU computes more in
the same time: the fused one expands by a convolution of its full kernel, Tucker's compresses, convolves, and expands.

Layers are ``mobiledet_BLOCK_ROLE``, each convolution's batch normalization ``…_BN``; blocks count from 1, and the
convolution before them is ``mobiledet_stem_conv``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import tensorflow as tf

_STEM = "mobiledet_stem_conv"
_STEM_FILTERS = 32
_CHANNEL_STEP = 8  # the Edge TPU likes multiples of it
_WEIGHT_DECAY = 4e-5
_INPUT_RANK, _OUTPUT_RANK = 0.25, 0.75
# What a truncated normal distribution of this deviation has left of it.
_TRUNCATED_DEVIATION = 0.87962566103423978


class BlockKind(Enum):
    """The kinds of blocks, and what TensorFlow 1 calls them."""

    INVERTED_BOTTLENECK = "IBN"
    FUSED = "FusedConv"
    TUCKER = "TuckerConv"


@dataclass(frozen=True)
class Block:
    """One block: kind, filters at width 1, factor of the expansion (Tucker's has none), kernel's side, stride."""

    kind: BlockKind
    filters: int
    expansion: int = 0
    kernel: int = 3
    stride: int = 1

    @property
    def roles(self) -> Sequence[str]:
        """What its convolutions do, in their order."""
        if self.kind is BlockKind.INVERTED_BOTTLENECK:
            return ("expand", "depthwise", "project")
        return ("expand", "project") if self.kind is BlockKind.FUSED else ("compress", "conv", "project")


def _ibn(filters: int, expansion: int = 8, **shape: int) -> Block:
    return Block(BlockKind.INVERTED_BOTTLENECK, filters, expansion, **shape)


def _fused(filters: int, expansion: int = 4, **shape: int) -> Block:
    return Block(BlockKind.FUSED, filters, expansion, **shape)


BLOCKS = (
    *(Block(BlockKind.TUCKER, 16),),
    *(_fused(16, 8, stride=2), _fused(16), _fused(16, 8), _fused(16)),
    *(_fused(40, 8, kernel=5, stride=2), _fused(40), _fused(40), _fused(40)),
    *(_ibn(72, stride=2), _ibn(72), _fused(72), _fused(72)),
    *(_ibn(96, kernel=5), _ibn(96, kernel=5), _ibn(96), _ibn(96)),
    *(_ibn(120, kernel=5, stride=2), _ibn(120), _ibn(120, 4, kernel=5), _ibn(120), _ibn(384, kernel=5)),
)
_C4_BLOCK = 17  # the last one with a stride of 16


def tensorflow1_scopes() -> Mapping[str, str]:
    """Return the scope of each convolution in TensorFlow 1, by the name of its layer."""
    return {_STEM: "Conv", **dict(_scopes())}


def _scopes() -> Iterator[tuple[str, str]]:
    """Yield layers with their scopes: slim numbers blocks by kind and convolutions within a block, each from 1 on."""
    blocks: Counter[BlockKind] = Counter()
    for number, block in enumerate(BLOCKS, start=1):
        scope = _numbered(block.kind.value, blocks[block.kind])
        blocks[block.kind] += 1
        convolutions = [role for role in block.roles if role != "depthwise"]
        for role in block.roles:
            part = "SeparableConv2d" if role == "depthwise" else _numbered("Conv", convolutions.index(role))
            yield f"mobiledet_{number}_{role}", f"{scope}/{part}"


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def scaled(filters: int, factor: float) -> int:
    """Return a number of filters times a factor, rounded to the nearest multiple of 8 but 0."""
    return max(_CHANNEL_STEP, math.floor(filters * factor / _CHANNEL_STEP + 0.5) * _CHANNEL_STEP)


def build_backbone(width: float, normalization: Callable[[str], Any]) -> Any:
    """Return a Keras model of pictures, float32 (n, height, width, 3) in -1 to 1, that gives two feature maps.

    The maps are C4, of stride 16 with 96 channels, and C5, of stride 32 with 384 (at width 1).

    Args:
        width: factor of all numbers of filters.
        normalization: makes a layer of batch normalization of a name.
    """
    layers = _Layers(normalization)
    picture = tf.keras.Input((None, None, 3))
    features = layers.convolution(picture, _STEM, scaled(_STEM_FILTERS, width), stride=2)
    filters, middle = _STEM_FILTERS, None
    for number, block in enumerate(BLOCKS, start=1):
        made = layers.block(features, f"mobiledet_{number}", block, scaled(block.filters, width))
        # By the numbers at width 1: of others blocks could be equal that are not.
        is_residual = block.stride == 1 and block.filters == filters
        features = tf.keras.layers.Add(name=f"mobiledet_{number}_add")([made, features]) if is_residual else made
        filters = block.filters
        middle = features if number == _C4_BLOCK else middle
    return tf.keras.Model(picture, [middle, features], name="mobiledet_edgetpu")


class _Layers:
    """Makes the layers of a backbone, all of one kind of batch normalization."""

    def __init__(self, normalization: Callable[[str], Any]) -> None:
        self._normalization = normalization

    def block(self, features: Any, name: str, block: Block, filters: int) -> Any:
        """Return what a block makes of a feature map, without the residual."""
        channels = features.shape[-1]
        if block.kind is BlockKind.TUCKER:
            made = self.convolution(features, f"{name}_compress", scaled(channels, _INPUT_RANK), kernel=1)
            rank = scaled(filters, _OUTPUT_RANK)
            made = self.convolution(made, f"{name}_conv", rank, kernel=block.kernel, stride=block.stride)
        elif block.kind is BlockKind.FUSED:
            wide = channels * block.expansion
            made = self.convolution(features, f"{name}_expand", wide, kernel=block.kernel, stride=block.stride)
        else:
            made = self.convolution(features, f"{name}_expand", channels * block.expansion, kernel=1)
            made = self._depthwise(made, f"{name}_depthwise", block.kernel, block.stride)
        return self.convolution(made, f"{name}_project", filters, kernel=1, is_linear=True)

    def convolution(  # noqa: PLR0913 - a convolution's own
        self, features: Any, name: str, filters: int, *, kernel: int = 3, stride: int = 1, is_linear: bool = False
    ) -> Any:
        """Return a feature map convolved and normalized; what is above 6 or below 0 is cut off, unless it is linear."""
        layer = tf.keras.layers.Conv2D(
            filters,
            kernel,
            stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            kernel_regularizer=_decay(),
            name=name,
        )
        made = self._normalization(f"{name}_BN")(layer(features))
        return made if is_linear else tf.keras.layers.ReLU(6.0, name=f"{name}_relu")(made)

    def _depthwise(self, features: Any, name: str, kernel: int, stride: int) -> Any:
        """Return each channel of a feature map convolved by itself; its initial values are He's for one channel."""
        deviation = math.sqrt(2) / kernel / _TRUNCATED_DEVIATION
        layer = tf.keras.layers.DepthwiseConv2D(
            kernel,
            stride,
            padding="same",
            use_bias=False,
            depthwise_initializer=tf.keras.initializers.TruncatedNormal(stddev=deviation),
            depthwise_regularizer=_decay(),
            name=name,
        )
        return tf.keras.layers.ReLU(6.0, name=f"{name}_relu")(self._normalization(f"{name}_BN")(layer(features)))


def _decay() -> Any:
    """Return the weight decay; TensorFlow 1 halves the sum of squares, Keras does not."""
    return tf.keras.regularizers.l2(_WEIGHT_DECAY / 2)
