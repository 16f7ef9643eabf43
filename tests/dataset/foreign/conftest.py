"""Fixtures that bring the labels of other tools in, and look at what was made of them."""

from __future__ import annotations

import json

import pytest

from edgetrain.dataset import import_annotations
from edgetrain.dataset.folder import find_dataset
from tests.support.exchange_material import draw


@pytest.fixture
def bring(settings, workspace, tmp_path):
    """Return a function that writes files beside pictures, and imports them from ``source`` into ``made``."""

    def run(source_format, files, pictures=("a.jpg",), source=None, *, follow_links=False, **changes):
        for name, content in files.items():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        for name in pictures:
            draw(tmp_path / "source" / name)
        given = {f"import_annotations__{key}": value for key, value in changes.items()}
        given |= {"import_annotations__format": source_format, "dataset__follow_links": follow_links}
        given |= {"import_annotations__source": source or tmp_path / "source"}
        return import_annotations.run(settings(tmp_path / "made", **given), workspace)

    return run


@pytest.fixture
def made(tmp_path):
    """Return a function that gives class and corners of the imported boxes by picture."""

    def boxes():
        folder = find_dataset(tmp_path / "made")
        images = [folder.read(item) for item in folder.items]
        return {
            image.image_path.name: [(one.class_name, *vars(one.box).values()) for one in image.annotation.boxes]
            for image in images
        }

    return boxes
