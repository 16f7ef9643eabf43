"""A dataset with faults of every rule, each planted on purpose, and where ``validate`` must find it.

Pictures that a fault is planted in get an annotation of their own with two boxes, whose lines are known::

     1 <annotation>      4 <width>     8 <object>     11 <xmin>     15 </bndbox>    20 <xmin>     26 </annotation>
     2 <filename>        5 <height>    9 <name>       12 <ymin>     16 </object>    21 <ymin>
     3 <size>            6 <depth>    10 <bndbox>     13 <xmax>     17 <object>     22 <xmax>
                         7 </size>                    14 <ymax>     18 <name>       23 <ymax>
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageDraw

from tests.support.planted_picture_faults import PICTURE_FAULTS, as_png

CLASS = "raccoon"
# The classes of the committed label map: the usual one, one with few boxes, one that is not in the test split.
KNOWN = (CLASS, "otter", "heron")
SPLITS = ("train", "validation", "test")


class Place(NamedTuple):
    """Where a fault must be found."""

    file: str
    line: int
    rule: str


def annotation_lines(filename, size):
    """Return the lines of an annotation with two boxes, as in the table above."""
    width, height = size
    corners = (
        [width // 10, height // 10, 4 * width // 10, 4 * height // 10],
        [width // 2, height // 2, 9 * width // 10, 9 * height // 10],
    )
    lines = ["<annotation>", f"<filename>{filename}</filename>"]
    lines += ["<size>", f"<width>{width}</width>", f"<height>{height}</height>", "<depth>3</depth>", "</size>"]
    for box in corners:
        sides = [f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box)]
        lines += ["<object>", f"<name>{CLASS}</name>", "<bndbox>", *sides, "</bndbox>", "</object>"]
    return [*lines, "</annotation>"]


# The rule, the line where it must be found, and what stands in which line instead. W and H are the picture's sides,
# X the left edge of the second box; NAME is the picture's name.
LINE_FAULTS = (
    ("xml-malformed", 26, {16: ""}),
    ("xml-malformed", 12, {12: "<ymin>1 & 2</ymin>"}),
    ("xml-malformed", 9, {9: "<name>raccoon</nam>"}),
    ("xml-unsafe", 1, {1: '<!DOCTYPE annotation [<!ENTITY a "b">]><annotation>'}),
    ("xml-unsafe", 2, {1: "", 2: '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation><filename>NAME</filename>'}),
    ("element-missing", 8, {9: ""}),
    ("element-missing", 8, {10: "", 15: "", 11: "", 12: "", 13: "", 14: ""}),
    ("element-missing", 10, {13: ""}),
    ("element-missing", 9, {9: "<name> </name>"}),
    ("element-repeated", 12, {12: "<xmin>9</xmin><ymin>9</ymin>"}),
    ("element-repeated", 18, {18: "<name>raccoon</name><name>otter</name>"}),
    ("element-misplaced", 17, {16: "", 25: "</object></object>"}),
    ("not-a-number", 11, {11: "<xmin>1_0</xmin>"}),
    ("not-a-number", 13, {13: "<xmax>nan</xmax>"}),
    ("not-a-number", 14, {14: "<ymax>inf</ymax>"}),
    ("not-a-number", 12, {12: "<ymin/>"}),
    ("class-malformed", 9, {9: "<name>rac&#10;coon</name>"}),
    ("filename-mismatch", 2, {2: "<filename>another.jpg</filename>"}),
    ("filename-mismatch", 1, {2: ""}),
    ("filename-case", 2, {2: "<filename>UPPER</filename>"}),
    ("filename-form", 2, {2: "<filename>PERCENT</filename>"}),
    ("filename-unsafe", 2, {2: "<filename>../images/NAME</filename>"}),
    ("filename-unsafe", 2, {2: "<filename>/etc/NAME</filename>"}),
    ("filename-unsafe", 2, {2: "<filename>C:\\pictures\\NAME</filename>"}),
    ("filename-path", 2, {2: "<filename>images/NAME</filename>"}),
    ("size-missing", 1, {3: "", 4: "", 5: "", 6: "", 7: ""}),
    ("size-missing", 3, {5: ""}),
    ("size-mismatch", 3, {4: "<width>0</width>", 5: "<height>0</height>"}),
    ("size-mismatch", 3, {4: "<width>{W1}</width>"}),
    ("box-rotated", 8, {15: "</bndbox><rotation>30</rotation>"}),
    (
        "box-rotated",
        17,
        {24: "</bndbox><attributes><attribute><name>rotation</name><value>4.5</value></attribute></attributes>"},
    ),
    ("box-outside", 13, {13: "<xmax>{W1}</xmax>"}),
    ("box-outside", 14, {14: "<ymax>99999</ymax>"}),
    ("box-outside", 11, {11: "<xmin>-3</xmin>"}),
    ("box-inverted", 20, {20: "<xmin>{W}</xmin>", 22: "<xmax>{X}</xmax>"}),
    ("box-inverted", 12, {12: "<ymin>{H}</ymin>"}),
    ("box-empty", 22, {22: "<xmax>{X}</xmax>"}),
    ("box-vanishing", 20, {20: "<xmin>{X}</xmin>", 22: "<xmax>{X_VANISHED}</xmax>"}),
    ("box-tiny", 20, {20: "<xmin>{X}</xmin>", 22: "<xmax>{X_TINY}</xmax>"}),
    ("class-typo", 9, {9: "<name>racoon</name>"}),
    ("class-typo", 18, {18: "<name>Raccoon</name>"}),
)


class Planter:
    """Plants faults in the pictures of a dataset, one picture after another, and writes down where."""

    def __init__(self, root, stems):
        """Use the pictures ``images/STEM.jpg`` of a dataset with ``annotations/STEM.xml``."""
        self.root = root
        self._stems = iter(stems)
        self.places = []
        self.splits = {}

    def expect(self, file, line, rule):
        """Write down a fault."""
        self.places.append(Place(file, line, rule))

    def take(self, split="train", changes=None):
        """Return the next picture's stem, which gets an annotation of its own, some lines of it changed."""
        stem = next(self._stems)
        with Image.open(self.image(stem)) as image:
            size = image.size
        self.write(stem, size, changes or {})
        self.splits[f"annotations/{stem}.xml"] = split
        return stem

    def write(self, stem, size, changes, filename=""):
        """Write the annotation of a picture, some lines changed."""
        name = filename or f"{stem}.jpg"
        lines = annotation_lines(name, size)
        for number, text in changes.items():
            lines[number - 1] = filled(text, name, size)
        self.annotation(stem).write_text("\n".join(lines), encoding="utf-8")

    def image(self, stem, suffix=".jpg"):
        """Return the path of a picture."""
        return self.root / "images" / f"{stem}{suffix}"

    def annotation(self, stem):
        """Return the path of an annotation."""
        return self.root / "annotations" / f"{stem}.xml"


def filled(text, name, size):
    """Return a line with the picture's name and figures in it."""
    width, height = size
    left = width // 2
    figures = {"W": width, "H": height, "W1": width + 1, "X": left}
    # Sides of two thirds of a pixel, and of two and a half, at the network's 300 pixels.
    figures.update(X_VANISHED=left + max(1, width // 450), X_TINY=left + max(1, width // 120))
    for key, value in figures.items():
        text = text.replace(f"{{{key}}}", str(value))
    text = text.replace("PERCENT", f"%{ord(name[0]):02x}{name[1:]}")
    return text.replace("NAME", name).replace("UPPER", name.upper())


def plant_everything(root, stems):
    """Plant all faults; return the places where they must be found, sorted.

    Args:
        root: a dataset without faults, ``annotations/*.xml`` and ``images/*.jpg``, all of the class raccoon.
        stems: pictures that may be changed, at least 100.
    """
    planter = Planter(root, stems)
    for rule, line, changes in LINE_FAULTS:
        planter.expect(f"annotations/{planter.take(changes=changes)}.xml", line, rule)
    for plant in (
        *PICTURE_FAULTS,
        *BOX_FAULTS,
        plant_encodings,
        plant_classes,
        plant_twins,
        plant_augmented,
        *PIXEL_FAULTS,
    ):
        plant(planter)
    plant_lists(planter)
    return sorted(planter.places)


def plant_encodings(planter):
    latin, wide = planter.take(), planter.take()
    path = planter.annotation(latin)
    path.write_bytes(b'<?xml version="1.0" encoding="ISO-8859-1"?>' + path.read_bytes())
    planter.annotation(wide).write_bytes(planter.annotation(wide).read_text().encode("utf-16"))
    hidden = planter.take(changes={1: '<!DOCTYPE a [<!ENTITY b "c">]><annotation>'})
    planter.annotation(hidden).write_bytes(planter.annotation(hidden).read_text().encode("utf-16"))
    for stem, rule in ((latin, "xml-encoding"), (wide, "xml-encoding"), (hidden, "xml-unsafe")):
        planter.expect(f"annotations/{stem}.xml", 1, rule)


def again(planter, rule, line, changes):
    """Repeat the first box in the second, some lines changed."""
    stem = planter.take()
    lines = planter.annotation(stem).read_text().splitlines()
    lines[16:25] = lines[7:16]
    for number, text in changes.items():
        lines[number - 1] = text(lines[number - 1]) if callable(text) else text
    planter.annotation(stem).write_text("\n".join(lines))
    planter.expect(f"annotations/{stem}.xml", line, rule)


def plus_one(line):
    """Return a line of a coordinate, one pixel more."""
    value = int(line[6:-7])
    return line.replace(str(value), str(value + 1))


def plant_repeats(planter):
    again(planter, "box-duplicate", 20, {})
    again(planter, "box-near-duplicate", 20, {22: plus_one})
    again(planter, "box-two-classes", 18, {18: "<name>otter</name>"})
    # This is the first of the boxes of a rare class, and so the place where that is told.
    planter.expect(planter.places[-1].file, 18, "class-rare")


def plant_crowd(planter):
    """Draw 101 boxes in one picture, none like another."""
    planter.expect(f"annotations/{crowd_of(planter, 'train', CLASS, 101)}.xml", 108, "too-many-boxes")


def crowd_of(planter, split, name, count):
    """Draw boxes of one class in one picture, on line 8 and after; return its stem."""
    stem = planter.take(split)
    with Image.open(planter.image(stem)) as image:
        width, height = image.size
    lines = planter.annotation(stem).read_text().splitlines()
    corners = [(2 + index % 10 * (width // 11), 2 + index // 10 * (height // 12)) for index in range(count)]
    boxes = [(x, y, x + width // 15, y + height // 15) for x, y in corners]
    objects = [one_line_object(name, box) for box in boxes]
    planter.annotation(stem).write_text("\n".join([*lines[:7], *objects, "</annotation>"]))
    return stem


def one_line_object(name, box):
    """Return an object on one line."""
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box))
    return f"<object><name>{name}</name><bndbox>{sides}</bndbox></object>"


def plant_habits(planter):
    """Draw one box with broken coordinates, one from 0, one to the picture's full width."""
    broken = planter.take(changes={11: "<xmin>2.5</xmin>"})
    planter.expect(f"annotations/{broken}.xml", 8, "box-float")
    first = planter.take(changes={11: "<xmin>0</xmin>"})
    planter.take(changes={22: "<xmax>{W}</xmax>"})
    planter.expect(f"annotations/{first}.xml", 8, "box-edge-base")


BOX_FAULTS = (plant_repeats, plant_crowd, plant_habits)


def plant_classes(planter):
    """Label a rare class, one that the test split lacks, a new one, and two that differ in case."""
    for split in SPLITS:
        planter.take(split, {9: "<name>otter</name>"})
    for split in ("train", "validation"):
        absent = crowd_of(planter, split, "heron", 6)
        if split == "train":
            planter.expect(f"annotations/{absent}.xml", 8, "class-missing")
    for name in ("lamp", "Desk", "desk"):
        stems = [crowd_of(planter, split, name, 60 - len(name) * (name == "desk")) for split in SPLITS]
        planter.expect(f"annotations/{stems[0]}.xml", 8, "class-unknown")
        if name == "desk":
            planter.expect(f"annotations/{stems[0]}.xml", 8, "class-similar")


def plant_twins(planter):
    """Copy a picture: with other boxes in the same split, and with the same ones in another."""
    first, other = planter.take(), planter.take()
    copy_picture(planter, first, other)
    lines = planter.annotation(other).read_text().splitlines()
    planter.annotation(other).write_text("\n".join([*lines[:16], lines[25]]))
    planter.expect(f"annotations/{other}.xml", 1, "twin-boxes")
    first, other = planter.take(), planter.take("test")
    copy_picture(planter, first, other)
    planter.expect(f"annotations/{other}.xml", 1, "split-twin")


def plant_augmented(planter):
    """Name two pictures as augmented copies of one, in two splits."""
    for split, end in (("train", "aaa111"), ("test", "bbb222")):
        stem, new = planter.take(split), f"source_jpg.rf.{end}"
        planter.image(stem).rename(planter.image(new))
        with Image.open(planter.image(new)) as image:
            planter.write(new, image.size, {})
        planter.annotation(stem).unlink()
        planter.splits[f"annotations/{new}.xml"] = planter.splits.pop(f"annotations/{stem}.xml")
    planter.expect("annotations/source_jpg.rf.bbb222.xml", 1, "split-augmented")


def plant_damage(planter):
    """Break the pixels of a PNG whose start and end are whole."""
    stem = planter.take()
    path = as_png(planter, stem)
    with Image.open(path) as image:
        Image.effect_noise(image.size, 90).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:400] + bytes(400) + data[800:])
    planter.expect(f"images/{stem}.png", 1, "pixels-damaged")


def plant_near_twins(planter):
    """Save a picture again at another quality: with other boxes in the same split, and with the same in another."""
    for number, (split, rule) in enumerate((("train", "near-twin-boxes"), ("test", "split-near-twin"))):
        first, other = planter.take(), planter.take(split)
        paint(planter.image(first), number)
        copy_picture(planter, first, other)
        with Image.open(planter.image(first)) as image:
            image.save(planter.image(other), quality=40)
            planter.write(first, image.size, {})
        if rule == "near-twin-boxes":
            lines = planter.annotation(other).read_text().splitlines()
            planter.annotation(other).write_text("\n".join([*lines[:16], lines[25]]))
        planter.expect(f"annotations/{other}.xml", 1, rule)


PIXEL_FAULTS = (plant_damage, plant_near_twins)


def paint(path, number):
    """Paint light and dark stripes over a picture, upright or lying."""
    image = Image.new("RGB", (640, 480), "navy")
    for left in range(0, 640, 160):
        box = (left, 0, left + 80, 480) if number else (0, left * 3 // 4, 640, left * 3 // 4 + 60 + left // 8)
        ImageDraw.Draw(image).rectangle(box, fill="wheat")
    ImageDraw.Draw(image).ellipse((40 + 300 * number, 60, 260 + 300 * number, 300), fill="orange")
    image.save(path)


def copy_picture(planter, first, other):
    """Give one picture the content of another, and its annotation the same size and boxes."""
    planter.image(other).write_bytes(planter.image(first).read_bytes())
    with Image.open(planter.image(other)) as image:
        planter.write(other, image.size, {})


def plant_lists(planter):
    """Commit a label map and lists of the splits with two faults; what has no fault is divided among all three."""
    items = [f'item {{ id: {number} name: "{name}" }}' for number, name in enumerate(KNOWN, start=1)]
    (planter.root / "label_map.pbtxt").write_text("\n".join(items))
    names = sorted(path.relative_to(planter.root).as_posix() for path in (planter.root / "annotations").glob("*.xml"))
    untouched = [name for name in names if name not in planter.splits]
    for number, name in enumerate(untouched):
        planter.splits[name] = SPLITS[number % 3] if number < 3 else "train"
    lists = {split: [name for name in names if planter.splits[name] == split] for split in SPLITS}
    lists["validation"].append(untouched[0])
    planter.expect("splits/validation.txt", len(lists["validation"]), "split-repeated")
    lists["test"].append("annotations/nobody.xml")
    planter.expect("splits/test.txt", len(lists["test"]), "split-unknown")
    (planter.root / "splits").mkdir()
    for split, listed in lists.items():
        (planter.root / "splits" / f"{split}.txt").write_text("\n".join(listed) + "\n")
