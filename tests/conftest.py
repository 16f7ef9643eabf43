"""What all tests share: a tiny dataset of drawn pictures, settings, and which tests this machine can run."""

from __future__ import annotations

import importlib.util
import shutil

import hypothesis
import pytest
import yaml
from PIL import Image, ImageDraw

from edgetrain.annotations.voc import write_annotation
from edgetrain.core.annotation import Annotation, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.settings import Settings
from edgetrain.core.workspace import Workspace
from tests.support.fake_stages import dataset, pipeline, stages
from tests.support.places import PROJECT_DIR, SHARED_DIR
from tests.support.stub_delegate import stub_delegate
from tests.support.tiny_run import backbone_archive, copied_run, finished_run, finished_workspace, tiny_dataset

__all__ = [
    "backbone_archive",
    "copied_run",
    "dataset",
    "finished_run",
    "finished_workspace",
    "pipeline",
    "stages",
    "stub_delegate",
    "tiny_dataset",
]
CLASSES = ("boat", "fish", "house")
SIZE = ImageSize(64, 48)

hypothesis.settings.register_profile("edgetrain", max_examples=300, deadline=None, derandomize=True)
hypothesis.settings.load_profile("edgetrain")


def _missing(marker):
    """Return why tests with a marker cannot run here, or nothing."""
    if marker == "tensorflow":
        absent = [name for name in ("tensorflow", "object_detection") if importlib.util.find_spec(name) is None]
        return f"{' and '.join(absent)} not installed" if absent else ""
    if marker == "browser":
        return "" if shutil.which("chromium") else "no Chromium: apt-get install chromium"
    return "" if SHARED_DIR.is_dir() else "no folder ../shared beside the project"


def pytest_addoption(parser):
    """Add the flag by which CI says what it has."""
    text = "fail instead of skipping where what tests with MARKER need is absent"
    parser.addoption("--require", metavar="MARKER", action="append", default=[], help=text)


def pytest_runtest_setup(item):
    """Skip, with the reason, a test that this machine cannot run."""
    for marker in ("tensorflow", "shared", "browser"):
        reason = _missing(marker) if item.get_closest_marker(marker) else ""
        if reason and marker in item.config.getoption("--require"):
            pytest.fail(reason)
        if reason:
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail a test that needs the shared folder, has it, and is skipped all the same."""
    report = yield
    lacks_tensorflow = item.get_closest_marker("tensorflow") and _missing("tensorflow")
    if report.skipped and item.get_closest_marker("shared") and not _missing("shared") and not lacks_tensorflow:
        report.outcome = "failed"
        report.longrepr = f"skipped although ../shared is there: {call.excinfo.value}"
    return report


@pytest.fixture
def settings(tmp_path):
    """Return a function that gives the project's own defaults, changed by ``section__key`` arguments."""

    def make(dataset=None, **changes):
        return settings_of(dataset or tmp_path / "dataset", tmp_path / "build", **changes)

    return make


@pytest.fixture
def workspace(tmp_path):
    """Return an empty workspace, the one that ``settings`` names."""
    return Workspace(tmp_path / "build")


@pytest.fixture
def voc_dataset(tmp_path):
    """Return the folder of twelve drawn pictures of three classes, all different, one of them a negative."""
    root = tmp_path / "dataset"
    for number in range(12):
        draw_labelled(root, f"{number:04d}", boxes=0 if number == 5 else 1 + number % 2, shade=20 * number)
    return root


@pytest.fixture
def raccoon():
    """Return the folder of real photographs beside the project."""
    return SHARED_DIR / "data" / "raccoon"


def draw_labelled(root, stem, *, boxes=1, shade=0, folders=("annotations", "images"), suffix=".jpg"):  # noqa: PLR0913
    """Draw one picture with rectangles on it, write it with its annotation, and return that one's path."""
    image = Image.new("RGB", (SIZE.width, SIZE.height), (shade, shade, 255 - shade))
    labelled = []
    for index in range(boxes):
        box = BoundingBox(4 + 30 * index, 6, 28 + 30 * index, 40)
        ImageDraw.Draw(image).rectangle((box.xmin, box.ymin, box.xmax, box.ymax), fill=(255, 80 * index, 0))
        labelled.append(LabelledBox(CLASSES[(shade + index) % 3], box, line=1))
    annotation_path, image_path = root / folders[0] / f"{stem}.xml", root / folders[1] / f"{stem}{suffix}"
    image_path.parent.mkdir(parents=True, exist_ok=True)
    image.save(image_path)
    write_annotation(annotation_path, Annotation(annotation_path, image_path.name, 1, SIZE, 1, tuple(labelled)))
    return annotation_path


def settings_of(dataset, workspace, **changes):
    """Return the project's own defaults for two folders, changed by ``section__key`` arguments."""
    config = yaml.safe_load((PROJECT_DIR / "invoke.yaml").read_text(encoding="utf-8"))
    flags = {"dataset.root": dataset, "workspace.root": workspace}
    flags.update({name.replace("__", "."): value for name, value in changes.items()})
    return Settings.from_mapping(config, base_dir=PROJECT_DIR, flags=flags)
