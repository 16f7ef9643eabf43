"""SSD's feature extractor of MobileDet-EdgeTPU for the Object Detection API's model builder, which has none for Keras.

The configuration names it ``ssd_mobiledet_edgetpu_keras``. Its six feature maps are C4 and C5 of the backbone and four
extra layers behind them, with 512, 256, 256 and 128 channels, as in the API's
``ssdlite_mobiledet_edgetpu_320x320_coco_sync_4x4.config``. Batch normalization of the backbone has an epsilon of 0.01
and a decay of 0.99, whatever the configuration says of the other layers. Refused: explicit padding.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf
from object_detection.builders import model_builder
from object_detection.core.freezable_batch_norm import FreezableBatchNorm
from object_detection.meta_architectures.ssd_meta_arch import SSDKerasFeatureExtractor
from object_detection.models.feature_map_generators import KerasMultiResolutionFeatureMaps
from object_detection.utils import ops, shape_utils

from edgetrain.networks.mobiledet_backbone import build_backbone

NAME = "ssd_mobiledet_edgetpu_keras"
_SMALLEST_SIDE = 33  # below it the last feature maps vanish
_EPSILON, _DECAY = 0.01, 0.99


def register_mobiledet() -> None:
    """Let the API's model builder find the extractor by its name; doing it twice is harmless."""
    model_builder.SSD_KERAS_FEATURE_EXTRACTOR_CLASS_MAP[NAME] = SSDMobileDetFeatureExtractor


class SSDMobileDetFeatureExtractor(SSDKerasFeatureExtractor):  # type: ignore[misc] # the API has no types
    """The feature maps of a picture, and what the API asks of every extractor."""

    def __init__(self, **options: Any) -> None:
        """Take the options that the API gives every extractor.

        Raises:
            NotImplementedError: explicit padding is asked for.
        """
        if options.get("use_explicit_padding"):
            raise NotImplementedError(f"{NAME}: use_explicit_padding is not supported. Remove it.")
        super().__init__(**options)
        self.classification_backbone: Any = None
        self.feature_map_generator: Any = None

    def build(self, _input_shape: Any) -> None:
        """Make the layers; whether batch normalization learns is said by the options."""
        learns = self._is_training and not self._freeze_batchnorm
        normalization = partial(FreezableBatchNorm, training=learns, epsilon=_EPSILON, momentum=_DECAY)
        self.classification_backbone = build_backbone(self._depth_multiplier, lambda name: normalization(name=name))
        layout = {
            "from_layer": ["C4", "C5", "", "", "", ""][: self._num_layers],
            "layer_depth": [-1, -1, 512, 256, 256, 128][: self._num_layers],
            "use_depthwise": self._use_depthwise,
            "use_explicit_padding": False,
        }
        self.feature_map_generator = KerasMultiResolutionFeatureMaps(
            feature_map_layout=layout,
            depth_multiplier=self._depth_multiplier,
            min_depth=self._min_depth,
            insert_1x1_conv=True,
            is_training=self._is_training,
            conv_hyperparams=self._conv_hyperparams,
            freeze_batchnorm=self._freeze_batchnorm,
            name="FeatureMaps",
        )
        self.built = True

    def preprocess(self, resized_inputs: tf.Tensor) -> tf.Tensor:
        """Return pixels of 0 to 255 as -1 to 1."""
        return (2.0 / 255.0) * resized_inputs - 1.0

    def _extract_features(self, preprocessed_inputs: tf.Tensor) -> list[tf.Tensor]:
        """Return the feature maps, the finest first."""
        pictures = shape_utils.check_min_image_dim(_SMALLEST_SIDE, preprocessed_inputs)
        c4, c5 = self.classification_backbone(ops.pad_to_multiple(pictures, self._pad_to_multiple))
        return list(self.feature_map_generator({"C4": c4, "C5": c5}).values())
