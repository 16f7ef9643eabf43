"""Batches that are a function of seed and step, for every augmentation that the API knows."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.splits import Split
from edgetrain.formats.pipeline_config import parse_pipeline_config
from tests.tiny_run import pipeline_text

pytestmark = pytest.mark.tensorflow
# Between them they draw in every way that the API draws.
DRAWING = [
    "random_adjust_hue",
    "random_black_patches",
    "random_distort_color",
    "random_horizontal_flip",
    "random_image_scale",
    "random_jitter_boxes",
    "random_patch_gaussian",
    "random_pixel_value_scale",
    "ssd_random_crop",
]


@pytest.fixture(scope="module")
def model():
    from edgetrain.training import object_detection_api as api

    config = parse_pipeline_config(pipeline_text(), where="test")
    return api.build_model(config, is_training=True)


@pytest.fixture
def batches_of(finished_workspace, model):
    """Return a function that gives the batches of the finished run's records for some augmentations and a seed."""
    from edgetrain.training.batches import read_batches
    from edgetrain.training.recipe import Recipe

    def batches(*augmentations, seed=0, shards=None):
        config = parse_pipeline_config(pipeline_text(augmentations=augmentations), where="test")
        shards = shards or finished_workspace.shard_paths(Split.TRAIN)
        return read_batches(config, model, shards, Recipe(seed), cache_bytes=10**6)

    return batches


def _equal(one, other):
    return all(np.array_equal(*pair) for pair in zip(one, other))


def test_a_batch_is_the_same_wherever_a_run_begins(batches_of):
    whole = list(batches_of("random_horizontal_flip", "ssd_random_crop").between(0, 6))

    rest = list(batches_of("random_horizontal_flip", "ssd_random_crop").between(3, 6))
    other = next(batches_of("random_horizontal_flip", "ssd_random_crop", seed=1).between(0, 1))

    assert [_equal(*pair) for pair in zip(whole[3:], rest)] == [True] * 3
    assert not _equal(whole[0], other)
    assert not _equal(whole[0], whole[1])


@pytest.mark.parametrize("name", DRAWING)
def test_an_augmentation_draws_from_the_seed_alone(batches_of, name):
    first, second = (next(batches_of(name).between(2, 3)) for _ in range(2))

    assert _equal(first, second)


def test_the_names_of_a_batch_are_those_of_its_pictures(batches_of):
    batches = batches_of()
    names = [name for step in range(6) for name in batches.source_ids(step)]

    assert len(names) >= 9
    assert all(name.endswith(".jpg") for name in names)


def test_a_damaged_picture_is_named_and_the_run_told_to_be_intact(batches_of, finished_workspace, tmp_path):
    content = bytearray(finished_workspace.shard_paths(Split.TRAIN)[0].read_bytes())
    content[400] ^= 1
    shard = tmp_path / "train.record-00000-of-00001"
    shard.write_bytes(content)

    with pytest.raises(TrainingError, match=r"after step \d+ cannot be made .*record at byte .* has a wrong checksum"):
        list(batches_of(shards=[shard]).between(0, 6))
