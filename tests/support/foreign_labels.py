"""Labels as other tools write them, small, for the tests to change."""

from __future__ import annotations

import zipfile

from edgetrain.review.validate import check

SIZE = {"width": 64, "height": 48}
VIA = {
    "filename": "a.jpg",
    "size": 1,
    "regions": [
        {
            "shape_attributes": {"name": "rect", "x": 4, "y": 6, "width": 20, "height": 10},
            "region_attributes": {"type": {"boat": True, "fish": False}},
        }
    ],
}


def coco(*annotations, images=("a.jpg",), categories=("boat",), **extra):
    return {
        "images": [{"id": number, "file_name": name, **SIZE} for number, name in enumerate(images)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
        "annotations": [{"image_id": 0, "category_id": 1, "bbox": [4, 6, 20, 10], **one} for one in annotations],
        **extra,
    }


def packed(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def rules_of(settings, workspace, root):
    return [(one.file, one.rule) for one in check(settings(root), workspace)[0] if one.rule != "class-rare"]
