"""A tiny network and a run of it that every test of training, export and evaluation may look at."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import yaml

from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from edgetrain.pipeline import flow
from tests.support.made_once import made_once
from tests.support.places import PROJECT_DIR

TINY = {
    "network.image_size": 96,
    "network.depth_multiplier": 0.25,
    "training.steps": 4,
    "training.batch_size": 2,
    "training.checkpoint_every_steps": 2,
    "quantize.representative_images": 4,
    "evaluate.split": "train",
}


def tiny_settings(dataset: Path, workspace: Path, archive: Path, changes: dict[str, object] | None = None) -> Settings:
    """Return settings of a network small enough to train in seconds."""
    config = yaml.safe_load((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))
    flags = {"dataset.root": dataset, "workspace.root": workspace, "checkpoint.url": str(archive), **TINY}
    return Settings.from_mapping(config, base_dir=PROJECT_DIR, flags={**flags, **(changes or {})})


def write_backbone_archive(folder: Path, network: str, depth_multiplier: float) -> Path:
    """Write random weights of a backbone the way that published archives hold them."""
    import tensorflow as tf

    from edgetrain.networks.pipeline_config import parse_pipeline_config
    from edgetrain.training.object_detection_api import build_model

    text = pipeline_text(network=network, depth_multiplier=depth_multiplier)
    model = build_model(parse_pipeline_config(text, where="test"), is_training=True)
    objects = model.restore_from_objects(fine_tune_checkpoint_type="classification")
    checkpoint = tf.train.Checkpoint(**objects)
    assert int(checkpoint.save_counter) == 0  # it exists from now on, and the API's own loop wants it in the file
    checkpoint.write(str(folder / "ckpt-0"))
    archive = folder / f"{network}_{depth_multiplier}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(folder.glob("ckpt-0.*")):
            tar.add(path, f"backbone/checkpoint/{path.name}")
    return archive


def pipeline_text(network: str = "mobilenet_v2_ssd", **changes: object) -> str:
    """Return a rendered configuration of the tiny network."""
    from edgetrain.template import render_template

    values = {
        "num_classes": 3,
        "image_size": TINY["network.image_size"],
        "depth_multiplier": TINY["network.depth_multiplier"],
        "max_boxes": 100,
        "batch_size": 2,
        "steps": 4,
        "train_whole_model": True,
        "frozen_blocks": 0,
        "freeze_batch_norm": False,
        "checkpoint_type": "classification",
        "checkpoint_version": 2,
        "augmentations": ("random_horizontal_flip",),
        "learning_rate": 0.001,
        "warmup_steps": 0,
        "gradient_clip_norm": 10.0,
    }
    return render_template(f"pipeline/{network}.config", {**values, **changes})


@pytest.fixture(scope="session")
def backbone_archive(tmp_path_factory):
    """Return the archive of a tiny backbone that fits the tiny network."""
    folder = made_once(
        tmp_path_factory, "backbone", lambda folder: write_backbone_archive(folder, "mobilenet_v2_ssd", 0.25)
    )
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory):
    """Return twelve drawn pictures."""
    return made_once(tmp_path_factory, "tiny_dataset", _draw)


def _draw(root: Path) -> None:
    from tests.conftest import draw_labelled

    for number in range(12):
        draw_labelled(root, f"{number:04d}", boxes=1 + number % 2, shade=20 * number)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, tiny_dataset, backbone_archive):
    """Return the settings of a whole pipeline that has run; look, but do not touch."""

    def settings_in(root: Path) -> Settings:
        return tiny_settings(tiny_dataset, root, backbone_archive)

    return settings_in(made_once(tmp_path_factory, "run", lambda root: flow.run_pipeline(settings_in(root))))


@pytest.fixture(scope="session")
def finished_workspace(finished_run):
    """Return the workspace of the whole pipeline that has run."""
    return Workspace(finished_run.workspace.root)


@pytest.fixture
def copied_run(tmp_path, finished_run, tiny_dataset, backbone_archive):
    """Return a function that gives settings of a copy of the finished run, changed."""
    import shutil

    root = tmp_path / "build"
    shutil.copytree(finished_run.workspace.root, root)

    def make(**changes):
        named = {name.replace("__", "."): value for name, value in changes.items()}
        return tiny_settings(tiny_dataset, root, backbone_archive, named)

    return make
