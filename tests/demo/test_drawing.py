"""The demo draws the same honest little dataset every time."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgetrain.annotations.voc import read_annotation
from edgetrain.core.boxes import ImageSize, iou
from edgetrain.demo.drawing import DrawnPicture, draw_dataset, draw_picture, tight_box
from edgetrain.demo.figures import OBJECTS, SHAPES, Figure
from edgetrain.demo.painting import Placement

PICTURES = 60


@pytest.fixture(scope="module")
def drawn() -> list[DrawnPicture]:
    """The first pictures of the demo's set."""
    return [draw_picture(seed=0, number=number) for number in range(PICTURES)]


def _bytes_by_name(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs cannot be told apart."""
    for name in ("once", "again"):
        draw_dataset(tmp_path / name, pictures=5, seed=3)

    assert _bytes_by_name(tmp_path / "once") == _bytes_by_name(tmp_path / "again")


def test_another_seed_gives_other_pictures() -> None:
    """The seed matters."""
    one, other = draw_picture(seed=0, number=0), draw_picture(seed=1, number=0)

    assert one.image.tobytes() != other.image.tobytes()


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    """A picture does not depend on how many follow."""
    draw_dataset(tmp_path / "small", pictures=3, seed=0)
    draw_dataset(tmp_path / "large", pictures=6, seed=0)

    assert _bytes_by_name(tmp_path / "small").items() <= _bytes_by_name(tmp_path / "large").items()


def test_every_picture_has_its_annotation_and_every_object_is_counted(tmp_path: Path) -> None:
    """Names pair up, and the returned number is that of the boxes."""
    objects = draw_dataset(tmp_path, pictures=10, seed=0)
    annotations = sorted((tmp_path / "annotations").glob("*.xml"))

    assert [path.stem for path in annotations] == sorted(path.stem for path in (tmp_path / "images").glob("*.jpg"))
    assert objects == sum(len(read_annotation(path).boxes) for path in annotations)


def test_the_annotation_says_what_was_drawn(tmp_path: Path) -> None:
    """Name, size and boxes survive the file."""
    draw_dataset(tmp_path, pictures=4, seed=0)
    drawn = draw_picture(seed=0, number=3)
    read = read_annotation(tmp_path / "annotations" / "demo-0003.xml")
    with Image.open(tmp_path / "images" / str(read.filename)) as image:
        size = ImageSize(*image.size)

    assert drawn.size == read.size == size
    assert [(box.class_name, box.box) for box in drawn.objects] == [(box.class_name, box.box) for box in read.boxes]


def test_boxes_lie_inside_their_picture_and_apart_from_each_other(drawn: list[DrawnPicture]) -> None:
    """No object is cut off or hidden."""
    for picture in drawn:
        boxes = [labelled.box for labelled in picture.objects]

        assert all(box.is_within(picture.size) and box.area > 0 for box in boxes)
        assert all(iou(one, other) == 0 for one, other in combinations(boxes, 2))


@pytest.mark.parametrize("figure", [pytest.param(figure, id=figure.name) for figure in OBJECTS])
def test_a_box_is_tight(figure: Figure) -> None:
    """It is the painted pixels' own box, within a pixel."""
    placement = Placement(centre=(100.0, 90.0), half_width=50.0, half_height=40.0, turn_degrees=20.0, is_mirrored=True)
    box = tight_box(figure, placement)

    painted = _silhouette(figure, placement, (200, 180)).getbbox()

    assert painted is not None
    assert np.abs(np.subtract(painted, (box.xmin, box.ymin, box.xmax, box.ymax))).max() <= 1


def test_a_set_has_every_class_several_shapes_of_picture_and_some_negatives(drawn: list[DrawnPicture]) -> None:
    """It is an honest detection set."""
    negatives = [picture for picture in drawn if not picture.objects]

    assert {box.class_name for picture in drawn for box in picture.objects} == {figure.name for figure in OBJECTS}
    assert len({picture.image.width / picture.image.height for picture in drawn}) >= 3
    assert 0 < len(negatives) < PICTURES / 4


def test_pretraining_never_showed_an_object_of_the_demo() -> None:
    """Neither under the same name nor, turned or mirrored, under another one."""
    turns = list(product(range(0, 360, 30), (False, True)))
    shapes = [_mask(shape, turn, mirrored=mirrored) for shape in SHAPES for turn, mirrored in turns]
    likenesses = [_overlap(_mask(figure), shape) for figure in OBJECTS for shape in shapes]

    assert not {figure.name for figure in OBJECTS} & {figure.name for figure in SHAPES}
    assert max(likenesses) < 0.9


def _mask(figure: Figure, turn: float = 0.0, *, mirrored: bool = False) -> np.ndarray:
    placement = Placement((32.0, 32.0), half_width=22.0, half_height=22.0, turn_degrees=turn, is_mirrored=mirrored)
    return np.asarray(_silhouette(figure, placement, (64, 64))) > 0


def _silhouette(figure: Figure, placement: Placement, size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    for part in figure.parts:
        ImageDraw.Draw(mask).polygon([placement.to_picture(point) for point in part.outline], fill=255)
    return mask


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())
