"""The law of every import: each object of a source is a box, or counted in a line that names its kind and its picture.

Sources are written here by the formats' own definitions, and their objects are counted by reading the finished files
again with the standard library only, never by an importer. That the law can fail is shown by importers with faults
built in, each of which must break it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetrain.annotations import box_table, coco, cvat, exchange, labelme, open_images, yolo
from edgetrain.annotations.annotation_set import Reading
from edgetrain.annotations.exchange import read_annotations
from edgetrain.annotations.import_source import ImportSource, ReadingChoices
from edgetrain.annotations.readers import label_studio, via, voc_tree
from edgetrain.core.settings.exchange import SourceFormat
from tests.support.exchange_material import draw

WIDTH, HEIGHT = 64, 48
KINDS = ("box", "polygon", "turned", "crowd", "point")
FOLDERS = ("", "sub", "Images")
CLASSES = ("boat", "fish")


def polygon_of(x, y):
    return [(x, y), (x + 20, y + 3), (x + 9, y + 17)]


class Source:
    """Writes pictures with objects of given kinds in one format; ``count`` reads the files back."""

    def __init__(self, root, pictures):
        """Write the pictures themselves, then their annotations."""
        self.root, self.pictures = root, pictures
        for name in pictures:
            draw(root / name)
        self.write()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def each(self):
        """Yield picture, kind and the corner of each object."""
        for name, kinds in self.pictures.items():
            for number, kind in enumerate(kinds):
                yield name, kind, (1 + 3 * number, 2 + 2 * number)


class Coco(Source):
    """COCO JSON: a picture, its objects in one list."""

    source_format = SourceFormat.COCO

    def write(self):
        images = [
            {"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(self.pictures)
        ]
        ids = {image["file_name"]: image["id"] for image in images}
        entries = []
        for name, kind, (x, y) in self.each():
            entry = {"image_id": ids[name], "category_id": 1, "bbox": [x, y, 20, 15]}
            flat = [value for point in polygon_of(x, y) for value in point]
            extra = {
                "polygon": {"bbox": [], "segmentation": [flat]},
                "turned": {"attributes": {"rotation": 30}},
                "crowd": {"iscrowd": 1, "segmentation": {"counts": [5, 9], "size": [HEIGHT, WIDTH]}},
                "point": {"keypoints": [1, 2, 2]},
            }
            entries.append(entry | extra.get(kind, {}))
        value = {"images": images, "categories": [{"id": 1, "name": "boat"}], "annotations": entries}
        self.put("annotations.json", json.dumps(value))

    def count(self):
        value = json.loads((self.root / "annotations.json").read_text(encoding="utf-8"))
        names = {image["id"]: image["file_name"] for image in value["images"]}
        return Counter(names[entry["image_id"]] for entry in value["annotations"])


class Yolo(Source):
    """YOLO: fractions; pictures may be in ``Images`` and labels in ``Labels``."""

    source_format = SourceFormat.YOLO

    def label(self, name):
        folder, _, own = name.rpartition("/")
        folder = folder.replace("Images", "Labels")
        return f"{folder}/{own[:-4]}.txt".lstrip("/")

    def write(self):
        lines = {name: [] for name in self.pictures}
        for name, kind, (x, y) in self.each():
            if kind in {"polygon", "turned"}:
                points = polygon_of(x, y) + ([(x + 1, y + 9)] if kind == "turned" else [])
                values = [value for px, py in points for value in (px / WIDTH, py / HEIGHT)]
            else:
                values = [(x + 10) / WIDTH, (y + 7) / HEIGHT, 20 / WIDTH, 14 / HEIGHT]
            lines[name].append("0 " + " ".join(f"{value:.6f}" for value in values))
        for name, own in lines.items():
            self.put(self.label(name), "\n".join(own))
        self.put("data.yaml", "names: [boat, fish]\n")

    def count(self):
        found = Counter()
        for name in self.pictures:
            text = (self.root / self.label(name)).read_text(encoding="utf-8")
            found[name] += sum(bool(line.strip()) for line in text.splitlines())
        return found


class Voc(Source):
    """Pascal VOC with the shapes of roLabelImg, RectLabel and CVAT."""

    source_format = SourceFormat.VOC

    def write(self):
        objects = dict.fromkeys(self.pictures, "")
        for name, kind, (x, y) in self.each():
            sides = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + 20}</xmax><ymax>{y + 15}</ymax>"
            points = "".join(f"<x{n}>{px}</x{n}><y{n}>{py}</y{n}>" for n, (px, py) in enumerate(polygon_of(x, y), 1))
            turned = f"<cx>{x + 9}</cx><cy>{y + 9}</cy><w>12</w><h>6</h><angle>0.4</angle>"
            shapes = {"polygon": f"<polygon>{points}</polygon>", "turned": f"<robndbox>{turned}</robndbox>"}
            shapes["crowd"] = f"<bndbox>{sides}</bndbox><rotation>20</rotation>"
            shape = shapes.get(kind, f"<bndbox>{sides}</bndbox>")
            objects[name] += f"<object><name>boat</name>{shape}</object>"
        for name, own in objects.items():
            text = f"<annotation><filename>{name.rpartition('/')[2]}</filename>{own}</annotation>"
            self.put(name[:-4].replace("Images", "Annotations") + ".xml", text)

    def count(self):
        found = Counter()
        for name in self.pictures:
            path = self.root / (name[:-4].replace("Images", "Annotations") + ".xml")
            found[name] += len(ET.parse(path).getroot().findall("object"))  # noqa: S314 - written above
        return found


class Cvat(Source):
    """CVAT for images."""

    source_format = SourceFormat.CVAT

    def write(self):
        shapes = dict.fromkeys(self.pictures, "")
        for name, kind, (x, y) in self.each():
            corners = f'xtl="{x}" ytl="{y}" xbr="{x + 20}" ybr="{y + 15}"'
            points = ";".join(f"{px},{py}" for px, py in polygon_of(x, y))
            shapes[name] += {
                "polygon": f'<polygon label="boat" points="{points}"/>',
                "turned": f'<box label="boat" rotation="30" {corners}/>',
                "crowd": f'<ellipse label="boat" cx="{x + 9}" cy="{y + 9}" rx="6" ry="4"/>',
                "point": f'<points label="boat" points="{x},{y}"/>',
            }.get(kind, f'<box label="boat" {corners}/>')
        size = f'width="{WIDTH}" height="{HEIGHT}"'
        images = "".join(f'<image id="0" name="{name}" {size}>{own}</image>' for name, own in shapes.items())
        self.put("annotations.xml", f"<annotations>{images}</annotations>")

    def count(self):
        root = ET.parse(self.root / "annotations.xml").getroot()  # noqa: S314 - written above
        return Counter({image.get("name"): len(image) for image in root.iter("image")})


class LabelMe(Source):
    """LabelMe: a file for each picture."""

    source_format = SourceFormat.LABELME

    def write(self):
        shapes = {name: [] for name in self.pictures}
        for name, kind, (x, y) in self.each():
            kinds = {"polygon": ("polygon", polygon_of(x, y)), "turned": ("circle", [(x + 9, y + 9), (x + 15, y + 9)])}
            kinds |= {"crowd": ("linestrip", polygon_of(x, y)), "point": ("point", [(x, y)])}
            shape_type, points = kinds.get(kind, ("rectangle", [(x, y), (x + 20, y + 15)]))
            shapes[name].append({"label": "boat", "shape_type": shape_type, "points": points})
        for name, own in shapes.items():
            value = {"imagePath": name.rpartition("/")[2], "shapes": own, "imageWidth": WIDTH, "imageHeight": HEIGHT}
            self.put(name[:-4] + ".json", json.dumps(value))

    def count(self):
        texts = {name: (self.root / (name[:-4] + ".json")).read_text(encoding="utf-8") for name in self.pictures}
        return Counter({name: len(json.loads(text)["shapes"]) for name, text in texts.items()})


class Via(Source):
    """VIA: a mapping of pictures."""

    source_format = SourceFormat.VIA

    def write(self):
        entries = {name: {"filename": name, "size": 1, "regions": []} for name in self.pictures}
        for name, kind, (x, y) in self.each():
            columns, rows = zip(*polygon_of(x, y))
            shape = {
                "polygon": {"name": "polygon", "all_points_x": columns, "all_points_y": rows},
                "turned": {"name": "ellipse", "cx": x + 9, "cy": y + 9, "rx": 6, "ry": 4, "theta": 0.5},
                "crowd": {"name": "circle", "cx": x + 9, "cy": y + 9, "r": 5},
                "point": {"name": "point", "cx": x, "cy": y},
            }.get(kind, {"name": "rect", "x": x, "y": y, "width": 20, "height": 15})
            entries[name]["regions"].append({"shape_attributes": shape, "region_attributes": {"type": "boat"}})
        self.put("via.json", json.dumps(entries))

    def count(self):
        value = json.loads((self.root / "via.json").read_text(encoding="utf-8"))
        return Counter({entry["filename"]: len(entry["regions"]) for entry in value.values()})


class LabelStudio(Source):
    """Label Studio: percents."""

    source_format = SourceFormat.LABEL_STUDIO

    def write(self):
        results = {name: [] for name in self.pictures}
        for name, kind, (x, y) in self.each():
            value = {"x": x, "y": y, "width": 20, "height": 15, "rotation": 10 if kind == "turned" else 0}
            kinds = {"polygon": ("polygonlabels", {"points": polygon_of(x, y)}), "point": ("keypointlabels", value)}
            kinds["crowd"] = ("brushlabels", {"format": "rle", "rle": [1]})
            result_type, own = kinds.get(kind, ("rectanglelabels", value))
            head = {"type": result_type, "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
            results[name].append(head | {"value": own | {result_type: ["boat"]}})
        tasks = [{"data": {"image": name}, "annotations": [{"result": own}]} for name, own in results.items()]
        self.put("project.json", json.dumps(tasks))

    def count(self):
        tasks = json.loads((self.root / "project.json").read_text(encoding="utf-8"))
        return Counter({task["data"]["image"]: len(task["annotations"][0]["result"]) for task in tasks})


class OpenImages(Source):
    """Open Images: a table of boxes, a list of pictures."""

    source_format = SourceFormat.OPEN_IMAGES

    def write(self):
        rows = ["ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf"]
        for name, kind, (x, y) in self.each():
            sides = (x / WIDTH, (x + 20) / WIDTH, y / HEIGHT, (y + 15) / HEIGHT)
            rows.append(f"{name[:-4]},boat,{','.join(f'{side:.6f}' for side in sides)},{int(kind == 'crowd')}")
        self.put("boxes.csv", "\n".join(rows) + "\n")
        self.put("images.csv", "ImageID\n" + "".join(f"{name[:-4]}\n" for name in self.pictures))

    def count(self):
        with (self.root / "boxes.csv").open(encoding="utf-8", newline="") as stream:
            return Counter(f"{row['ImageID']}.png" for row in csv.DictReader(stream))


class Table(Source):
    """CSV of boxes in pixels."""

    source_format = SourceFormat.CSV

    def write(self):
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        rows += [f"{name},{WIDTH},{HEIGHT},,,,," for name, kinds in self.pictures.items() if not kinds]
        rows += [f"{name},{WIDTH},{HEIGHT},boat,{x},{y},{x + 20},{y + 15}" for name, _, (x, y) in self.each()]
        self.put("labels.csv", "\n".join(rows) + "\n")

    def count(self):
        with (self.root / "labels.csv").open(encoding="utf-8", newline="") as stream:
            return Counter(row["filename"] for row in csv.DictReader(stream) if row["class"])


SOURCES = (Coco, Yolo, Voc, Cvat, LabelMe, Via, LabelStudio, OpenImages, Table)
PICTURES = st.dictionaries(
    st.builds("{}/p{}.png".format, st.sampled_from(("sub", "a/Images", "train/Images")), st.integers(0, 3)),
    st.lists(st.sampled_from(KINDS), max_size=4),
    min_size=1,
    max_size=3,
)
CHOICES = st.builds(ReadingChoices, with_polygons=st.booleans(), with_crowds=st.booleans())
# One of each kind in one picture, in a folder whose name is written otherwise than usual: enough for each mutation.
EVERYTHING = {"a/Images/p0.png": list(KINDS), "sub/p1.png": ["polygon"], "sub/p2.png": []}


def account(root, made, choices):
    """Return the objects of a source by picture, the same by what an import says, and the pictures emptied unsaid."""
    source = made(root, EVERYTHING) if isinstance(made, type) else made
    reading = Reading()
    annotations = read_annotations(source.source_format, ImportSource(root, choices=choices), reading)
    said = Counter()
    names = {}
    for picture in annotations.pictures:
        file = picture.found_as or picture.name
        names[picture.name, picture.place] = next((name for name in source.pictures if name.endswith(file)), file)
        said[names[picture.name, picture.place]] += len(picture.boxes)
    for pictures in reading.lost.values():
        for key, count in pictures.items():
            said[names[key]] += count
    emptied = {names[key] for key in reading.emptied(annotations.pictures)}
    truth = source.count()
    negatives = {names[one.name, one.place] for one in annotations.pictures if not one.boxes}
    unsaid = {name for name in negatives if truth[name]} - emptied
    return (+truth, +said, unsaid, reading.faults)


def holds(result):
    truth, said, unsaid, faults = result
    return bool(faults) or (truth == said and not unsaid)


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=PICTURES, choices=CHOICES)
def test_each_object_is_a_box_or_counted_with_its_picture(tmp_path_factory, kind, pictures, choices):
    root = tmp_path_factory.mktemp("law")

    truth, said, unsaid, faults = account(root, kind(root, pictures), choices)
    assert faults == []
    assert said == truth
    assert unsaid == set()


@pytest.mark.parametrize("kind", SOURCES)
def test_the_law_is_about_every_kind_of_object(tmp_path, kind):
    truth, said, _, faults = account(tmp_path, kind, ReadingChoices(with_polygons=False))

    assert (sum(truth.values()), faults) == (len(KINDS) + 1, [])
    assert said == truth


def dropped(function, chosen):
    """Return a function that gives ``None`` for the arguments that are chosen."""
    return lambda *args, **kwargs: None if chosen(*args) else function(*args, **kwargs)


MUTATIONS = [
    pytest.param(Coco, coco._FileReader, "_box_of_segmentation", lambda *_: True, id="coco: polygons"),
    pytest.param(
        Coco, coco._FileReader, "_labelled_box", lambda _, entry, *__: entry.get("iscrowd"), id="coco: crowds"
    ),
    pytest.param(Yolo, yolo, "_box_of_polygon", lambda *_: True, id="yolo: polygons"),
    pytest.param(Yolo, yolo, "_label_name", lambda _, name: "Images" in name, id="yolo: a folder in another case"),
    pytest.param(Cvat, cvat._FileReader, "_add_shape", lambda *_: True, id="cvat: shapes"),
    pytest.param(
        LabelMe, labelme, "_labelled_box", lambda shape, *_: shape["shape_type"] == "point", id="labelme: points"
    ),
    pytest.param(Via, via, "_labelled_box", lambda region, *_: region[0]["name"] == "circle", id="via: circles"),
    pytest.param(LabelStudio, label_studio._Task, "picture", lambda _, task, __: "sub" in str(task), id="ls: a folder"),
    pytest.param(Table, box_table, "_labelled_box", lambda row, _: row["xmin"] == "1", id="csv: a row"),
    pytest.param(OpenImages, open_images._Pictures, "add_box", lambda _, row, __: row["isgroupof"] == "1", id="groups"),
    pytest.param(Voc, voc_tree._Tree, "picture", lambda _, file: "Annotations" in file.name, id="voc: a folder"),
]


@pytest.mark.parametrize(("kind", "place", "name", "chosen"), MUTATIONS)
def test_an_importer_that_drops_something_breaks_the_law(  # noqa: PLR0913, PLR0917
    tmp_path, monkeypatch, kind, place, name, chosen
):
    assert holds(account(tmp_path / "sound", kind, ReadingChoices()))
    function = getattr(place, name)
    broken = dropped(function, chosen)
    monkeypatch.setattr(place, name, (lambda *args: broken(*args) or "") if name == "_label_name" else broken)
    if kind is Yolo and name == "_label_name":
        monkeypatch.setattr(yolo, "_refuse_unused", lambda *_: None)

    truth, said, unsaid, _ = account(tmp_path / "broken", kind, ReadingChoices())
    assert said != truth or unsaid


def test_a_label_file_that_an_importer_overlooks_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(yolo, "_LABELS_NAMES", ("labels",))
    monkeypatch.setattr(ImportSource, "spelled", lambda self, name: name if name in self._paths else None)

    *_, faults = account(tmp_path, Yolo, ReadingChoices())
    assert [fault for fault in faults if "there is no picture for these labels" in fault[2]] != []


def test_every_importer_is_under_the_law():
    assert {one.source_format for one in SOURCES} == set(exchange._READERS)
