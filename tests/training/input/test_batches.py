"""Batches that are a function of seed and step, for every augmentation that the API knows."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrain.core.errors import TrainingError
from edgetrain.core.splits import Split
from edgetrain.networks.pipeline_config import parse_pipeline_config
from tests.support.tiny_run import pipeline_text

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
    from edgetrain.training.input.batches import read_batches
    from edgetrain.training.recipe import Recipe

    def batches(*augmentations, seed=0, shards=None, versions=None, of=None, cache_bytes=10**6):
        config = parse_pipeline_config(pipeline_text(augmentations=augmentations), where="test")
        shards = shards or finished_workspace.shard_paths(Split.TRAIN)
        recipe = Recipe(seed, augmented_versions=versions)
        return read_batches(config, of or model, shards, recipe, cache_bytes=cache_bytes)

    return batches


def _equal(one, other):
    import tensorflow as tf

    return all(np.array_equal(*pair) for pair in zip(tf.nest.flatten(one), tf.nest.flatten(other)))


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


def test_parts_of_a_batch_are_the_batch(batches_of):
    """What two workers make of a step is what one would make of it."""
    batches = batches_of("random_horizontal_flip", "ssd_random_crop")
    whole = list(batches.between(1, 3))
    parts = [list(batches.between(1, 3, part=part, parts=2)) for part in (0, 1)]

    joined = [[np.concatenate(pair) for pair in zip(_arrays(one), _arrays(other))] for one, other in zip(*parts)]

    assert [_equal(*pair) for pair in zip(map(_arrays, whole), joined)] == [True, True]


def _arrays(batch):
    import tensorflow as tf

    return [tensor.numpy() for tensor in tf.nest.flatten(batch)]


def test_pictures_of_a_few_versions_come_again(batches_of, finished_workspace):
    """Of two versions the third and fourth epochs show what the first two did; a crop may leave a picture whole."""
    pictures = _training_pictures(finished_workspace)
    seen = [_arrays(batch)[0] for batch in batches_of("ssd_random_crop", versions=2).between(0, 2 * pictures)]
    images = [image.tobytes() for batch in seen for image in batch]

    assert len(images) == 4 * pictures
    assert pictures < len({*images}) <= 2 * pictures
    assert {*images[: 2 * pictures]} == {*images[2 * pictures :]}


def _training_pictures(workspace):
    from edgetrain.records.tfrecord import record_offsets

    return sum(len(list(record_offsets(shard))) for shard in workspace.shard_paths(Split.TRAIN))


@pytest.fixture(scope="module")
def frozen_model():
    from edgetrain.training import object_detection_api as api

    config = parse_pipeline_config(pipeline_text(train_whole_model=False), where="test")
    return api.build_model(config, is_training=True)


@pytest.mark.parametrize("cache_bytes", [10**9, 150_000, 0], ids=["all fit", "some fit", "none fits"])
def test_a_frozen_backbone_computes_each_version_once_as_far_as_memory_reaches(
    batches_of, frozen_model, monkeypatch, cache_bytes
):
    """Whatever is kept, the batches are the same to the bit."""
    from edgetrain.training.input.feature_store import FeatureStore

    counted = []
    keep = FeatureStore._keep
    monkeypatch.setattr(FeatureStore, "_keep", lambda *given: counted.append(int(given[1])) or keep(*given))
    batches = batches_of("ssd_random_crop", of=frozen_model, versions=1, cache_bytes=cache_bytes)
    found = list(batches.between(0, 24))
    fresh = list(batches_of("ssd_random_crop", of=frozen_model, versions=1, cache_bytes=0).between(20, 24))

    assert found[0].images == ()
    assert [_equal(*pair) for pair in zip(found[20:], fresh)] == [True] * 4
    least, most = {10**9: (10, 20), 150_000: (21, 47), 0: (48, 48)}[cache_bytes]
    assert least <= len(counted) - 8 <= most
