"""Sources of every format that is imported, written by the formats' own definitions, for the law that nothing is lost.

Each class writes pictures with objects of given kinds, and counts them by reading the finished files again with the
standard library only, never by an importer.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from xml.etree import ElementTree as ET

from edgetrain.core.settings.exchange import SourceFormat
from tests.support.exchange_material import draw

WIDTH, HEIGHT = 64, 48
KINDS = ("box", "polygon", "turned", "crowd", "point")


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


class CvatVideo(Source):
    """CVAT for video: a track for each object, which is outside from the next frame on."""

    source_format = SourceFormat.CVAT

    def __init__(self, root, pictures):
        """Call the pictures what CVAT calls the frames of a video."""
        super().__init__(root, {f"images/frame_{n:06}.png": kinds for n, kinds in enumerate(pictures.values())})

    def write(self):
        frames = {name: number for number, name in enumerate(self.pictures)}
        tracks = "".join(
            f'<track id="{number}" label="boat">'
            + self.shape(kind, f'frame="{frames[name]}" outside="0"', corner)
            + self.shape(kind, f'frame="{frames[name] + 1}" outside="1"', corner)
            + "</track>"
            for number, (name, kind, corner) in enumerate(self.each())
        )
        self.put("annotations.xml", f"<annotations>{tracks}</annotations>")

    def shape(self, kind, head, corner):
        x, y = corner
        corners = f'xtl="{x}" ytl="{y}" xbr="{x + 20}" ybr="{y + 15}"'
        points = ";".join(f"{px},{py}" for px, py in polygon_of(x, y))
        return {
            "polygon": f'<polygon {head} points="{points}"/>',
            "turned": f'<box {head} rotation="30" {corners}/>',
            "crowd": f'<skeleton {head}><points label="1" outside="0" points="{x},{y}"/>'
            f'<points label="2" outside="0" points="{x + 9},{y + 9}"/></skeleton>',
            "point": f'<points {head} points="{x},{y}"/>',
        }.get(kind, f"<box {head} {corners}/>")

    def count(self):
        root = ET.parse(self.root / "annotations.xml").getroot()  # noqa: S314 - written above
        shapes = [shape for track in root.iter("track") for shape in track if shape.get("outside") == "0"]
        return Counter(f"images/frame_{int(shape.get('frame')):06}.png" for shape in shapes)


class Via3(Source):
    """A project of VIA 3: shapes as lists of numbers."""

    source_format = SourceFormat.VIA

    def write(self):
        ids = {name: str(number) for number, name in enumerate(self.pictures)}
        metadata = {}
        for name, kind, (x, y) in self.each():
            flat = [value for point in polygon_of(x, y) for value in point]
            shape = {
                "polygon": [7, *flat],
                "turned": [4, x + 9, y + 9, 6, 4],
                "crowd": [8, *flat, x + 1, y + 5],
                "point": [1, x, y],
            }.get(kind, [2, x, y, 20, 15])
            metadata[f"m{len(metadata)}"] = {"vid": ids[name], "flg": 0, "z": [], "xy": shape, "av": {"1": "0"}}
        value = {
            "attribute": {"1": {"aname": "class", "type": 4, "options": {"0": "boat"}}},
            "file": {own: {"fid": own, "fname": name, "type": 2} for name, own in ids.items()},
            "view": {own: {"fid_list": [own]} for own in ids.values()},
            "config": {},
            "metadata": metadata,
        }
        self.put("project.json", json.dumps(value))

    def count(self):
        value = json.loads((self.root / "project.json").read_text(encoding="utf-8"))
        return Counter(value["file"][entry["vid"]]["fname"] for entry in value["metadata"].values())
