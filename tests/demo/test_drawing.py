"""The demo draws the same honest little dataset every time."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgetrain.demo import drawing
from edgetrain.demo.drawing import DrawnObject, DrawnPicture, draw_dataset, draw_picture
from edgetrain.demo.figures import OBJECTS, SHAPES, Figure
from edgetrain.demo.painting import Placement

PICTURES = 60


@pytest.fixture(scope="module")
def drawn() -> list[DrawnPicture]:
    return [draw_picture(seed=0, number=number) for number in range(PICTURES)]


def _bytes_by_name(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once", "again"):
        draw_dataset(tmp_path / name, pictures=5, seed=3)

    assert _bytes_by_name(tmp_path / "once") == _bytes_by_name(tmp_path / "again")


def test_another_seed_gives_other_pictures() -> None:
    one, other = draw_picture(seed=0, number=0), draw_picture(seed=1, number=0)

    assert one.image.tobytes() != other.image.tobytes()


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "small", pictures=3, seed=0)
    draw_dataset(tmp_path / "large", pictures=6, seed=0)

    assert _bytes_by_name(tmp_path / "small").items() <= _bytes_by_name(tmp_path / "large").items()


def test_every_picture_has_its_annotation_and_every_object_is_counted(tmp_path: Path) -> None:
    objects = draw_dataset(tmp_path, pictures=10, seed=0)
    annotations = sorted((tmp_path / "annotations").glob("*.xml"))

    assert [path.stem for path in annotations] == sorted(path.stem for path in (tmp_path / "images").glob("*.jpg"))
    assert objects == sum(len(ElementTree.parse(path).findall("object")) for path in annotations)


def test_the_annotation_says_what_was_drawn(tmp_path: Path) -> None:
    draw_dataset(tmp_path, pictures=4, seed=0)
    picture = draw_picture(seed=0, number=3)
    root = ElementTree.parse(tmp_path / "annotations" / "demo-0003.xml").getroot()
    size = (int(root.findtext("size/width", "")), int(root.findtext("size/height", "")))
    with Image.open(tmp_path / "images" / str(root.findtext("filename"))) as image:
        assert image.size == picture.image.size == size

    assert [_read_object(node) for node in root.iter("object")] == list(picture.objects)


def _read_object(node: ElementTree.Element) -> DrawnObject:
    xmin, ymin, xmax, ymax = (int(node.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax"))
    return DrawnObject(node.findtext("name", ""), xmin, ymin, xmax, ymax)


def test_boxes_lie_inside_their_picture_and_apart_from_each_other(drawn: list[DrawnPicture]) -> None:
    for picture in drawn:
        width, height = picture.image.size
        assert all(0 < box.xmin < box.xmax < width and 0 < box.ymin < box.ymax < height for box in picture.objects)
        assert all(one is other or one.is_apart_from(other) for one in picture.objects for other in picture.objects)


@pytest.mark.parametrize("figure", [pytest.param(figure, id=figure.name) for figure in OBJECTS])
def test_a_box_is_tight(figure: Figure) -> None:
    placement = Placement(centre=(100.0, 90.0), half_width=50.0, half_height=40.0, turn_degrees=20.0, is_mirrored=True)
    box = drawing.tight_box(figure, placement)

    painted = _silhouette(figure, placement, (200, 180)).getbbox()

    assert painted is not None
    assert np.abs(np.subtract(painted, (box.xmin, box.ymin, box.xmax, box.ymax))).max() <= 1


def test_a_set_has_every_class_several_shapes_of_picture_and_some_negatives(drawn: list[DrawnPicture]) -> None:
    negatives = [picture for picture in drawn if not picture.objects]

    assert {box.class_name for picture in drawn for box in picture.objects} == {figure.name for figure in OBJECTS}
    assert len({picture.image.width / picture.image.height for picture in drawn}) >= 3
    assert 0 < len(negatives) < PICTURES / 4


def test_pretraining_never_showed_an_object_of_the_demo() -> None:
    """Neither under the same name nor, turned or mirrored, under another one."""
    objects = {figure.name: _upright(figure) for figure in OBJECTS}
    shapes = {figure.name: [_upright(figure, turn, mirrored) for turn in range(0, 360, 15) for mirrored in (False, True)] for figure in SHAPES}
    likeness = {(name, other): max(_iou(mask, turned) for turned in masks) for name, mask in objects.items() for other, masks in shapes.items()}

    assert not objects.keys() & shapes.keys()
    assert max(likeness.values()) < 0.9


def _upright(figure: Figure, turn: float = 0.0, mirrored: bool = False) -> np.ndarray:
    placement = Placement(centre=(32.0, 32.0), half_width=22.0, half_height=22.0, turn_degrees=turn, is_mirrored=mirrored)
    return np.asarray(_silhouette(figure, placement, (64, 64))) > 0


def _silhouette(figure: Figure, placement: Placement, size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    for part in figure.parts:
        ImageDraw.Draw(mask).polygon([placement.to_picture(point) for point in part.outline], fill=255)
    return mask


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
