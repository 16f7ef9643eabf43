"""Pascal VOC annotations, a tree of lxml for each.

Accepted: what labelImg, CVAT, Roboflow, VoTT, RectLabel and the VOC devkit write. Elements are found by name, never by
position; ``part`` and every other element not shown is ignored::

    <annotation>
        <filename>0001.jpg</filename>                          may be missing
        <size><width>640</width><height>480</height></size>    may be missing
        <object>                                               any number, none for a negative picture
            <name>boat</name>
            <difficult>0</difficult>                           may be missing
            <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>
        </object>
    </annotation>

Refused: document types and entities in any encoding (nothing is ever fetched or expanded), and values that would have
to be guessed: numbers such as ``1_0``, ``nan`` and ``inf``, repeated or misplaced elements.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from edgetrain.annotations.readers.voc_shapes import Shapes, box_of_shape, is_stray, shape_of, turn_of
from edgetrain.annotations.shapes import box_around_turned
from edgetrain.annotations.voc_plain import parse_plain
from edgetrain.annotations.xml_words import in_words
from edgetrain.core.annotation import Annotation, BoxLines, LabelledBox
from edgetrain.core.boxes import BoundingBox, ImageSize
from edgetrain.core.errors import DatasetError
from edgetrain.core.system.files import file_content, replacing_file

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNSAFE = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_UTF8 = (b"utf-8", b"utf8", b"us-ascii", b"ascii")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = "\ufeff \t\r\n\f\v\u00a0"
_PLACE_IN_MESSAGE = re.compile(r",? *line \d+, column \d+.*", re.DOTALL)
_TRUE = ("1", "true")
_FIX_NAME = "Give the object a class name, or remove it."
_FIX_BOX = "Draw the box again, or remove the object."
_FIX_SHAPE = (
    'To use the box around it: "ci/inv import-annotations --from voc --source THIS_DATASET --dataset NEW_FOLDER".'
)
_FIX_SIZE = "Write the picture's size in pixels."
HARMLESS = ("xml-encoding", "box-rotated")
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of an annotation file: the line (from 1), the rule's name, what is wrong and what to do."""

    line: int
    rule: str
    message: str
    fix: str


def parse_annotation(data: bytes, path: Path, shapes: Shapes | None = None) -> tuple[Annotation | None, list[Problem]]:
    """Return the annotation in a file's bytes and all faults of the file, by line.

    An object with a fault is left out of the boxes; ``None`` stands for a file that is no annotation at all.

    Args:
        data: the file's content in any encoding that XML knows.
        path: becomes the annotation's path; nothing is read from it.
        shapes: says what becomes of other shapes than upright boxes, and counts them (default: they are faults).
    """
    plain = parse_plain(data, path)
    if plain is not None:
        return plain, []
    encoding = _foreign_encoding(data)
    root, problem = _parse_root(data, is_visible=not encoding)
    if root is None:
        return None, [problem] if problem else []
    reader = _Reader(shapes)
    if encoding:
        message = f"the file is {encoding}, not UTF-8. It was read with that encoding."
        reader.problems.append(Problem(1, "xml-encoding", message, "Save it as UTF-8."))
    annotation = reader.annotation(root, path)
    return annotation, sorted(reader.problems)


def read_annotation(path: Path, name: str = "", *, within: Path | None = None) -> Annotation:
    """Return the annotation in a file.

    Args:
        path: an existing file.
        name: what messages call the file (default: its path).
        within: the dataset, out of which no link may lead.

    Raises:
        DatasetError: the file cannot be read or has a fault; tells the first one and how many more there are.
    """
    name = name or str(path)
    try:
        data = file_content(path, within=within)
    except OSError as error:
        raise DatasetError(f"{name}: cannot be read ({error.strerror}). Fix the file or remove it.") from error
    annotation, problems = parse_annotation(data, path)
    problems = [problem for problem in problems if problem.rule not in HARMLESS]
    if annotation is None or problems:
        first = problems[0]
        more = f' (and {len(problems) - 1} more; run "ci/inv validate")' if len(problems) > 1 else ""
        raise DatasetError(f"{name}:{first.line}: {first.message} {first.fix}{more}")
    return annotation


def _foreign_encoding(data: bytes) -> str:
    """Return the name of an encoding other than UTF-8, empty for UTF-8 and ASCII."""
    if b"\0" in data:
        return "UTF-16 or UTF-32"
    text = data.removeprefix(_BYTE_ORDER_MARK).lstrip()
    declared = _DECLARED.match(text)
    if declared and declared[1].lower() not in _UTF8:
        return declared[1].decode("ascii")
    return "in an unknown encoding" if text and not text.startswith(b"<") else ""


@functools.cache
def _parser() -> etree.XMLParser:
    """Return the parser of all files: making one costs as much as parsing."""
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        collect_ids=False,
    )


def _parse_root(data: bytes, *, is_visible: bool) -> tuple[etree._Element | None, Problem | None]:
    """Return the root element of safe, well-formed XML, else the one problem that forbids reading it."""
    # UTF-16 and UTF-32 put NUL bytes between the letters of ASCII text; without these a scan sees both encodings.
    visible = data if is_visible else data.replace(b"\0", b"")
    unsafe = _UNSAFE.search(visible)
    if unsafe:
        return None, _unsafe_problem(visible.count(b"\n", 0, unsafe.start()) + 1)
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        return None, _malformed(error)
    # Rare encodings (EBCDIC, UTF-7) pass the scan, but not unseen.
    if not is_visible and root.getroottree().docinfo.internalDTD is not None:
        return None, _unsafe_problem(1)
    if root.tag != "annotation":
        return None, Problem(
            _line(root),
            "element-missing",
            f"the root element is <{root.tag}>, not <annotation>.",
            "Export the labels as Pascal VOC XML, or remove the file.",
        )
    return root, None


def _malformed(error: etree.XMLSyntaxError) -> Problem:
    reason = _PLACE_IN_MESSAGE.sub("", error.msg or "") or "Document is empty"
    meaning, fix = in_words(reason)
    line, column = error.position
    place = f" (column {column})" if column and reason != "Document is empty" else ""
    return Problem(max(1, line or 1), "xml-malformed", f"this is not well-formed XML{place}: {meaning}.", fix)


def _unsafe_problem(line: int) -> Problem:
    return Problem(
        line,
        "xml-unsafe",
        "the file declares a document type or entity. Annotations need none, and reading one could open other files.",
        "Remove the declaration.",
    )


def _line(element: etree._Element) -> int:
    line = element.sourceline
    return line if isinstance(line, int) and line > 0 else 1


def _text(element: etree._Element | None) -> str:
    """Return an element's text without the white space and byte order marks around it."""
    if element is None:
        return ""
    text = " ".join(map(str, element.itertext())) if len(element) else element.text
    return text.strip(_BLANK) if text else ""


_Children = Mapping[str, etree._Element]  # noqa: SLF001 - lxml has no public name for it


@dataclass
class _Reader:
    """Collects the faults of one file while its values are read."""

    shapes: Shapes | None = None
    problems: list[Problem] = field(default_factory=list)

    def add(self, element: etree._Element, rule: str, message: str, fix: str) -> None:
        self.problems.append(Problem(_line(element), rule, message, fix))

    def annotation(self, root: etree._Element, path: Path) -> Annotation:
        children = self.children(root, ("filename", "size"))
        filename, size = children.get("filename"), children.get("size")
        boxes = []
        for element in root.iter("object"):
            if element.getparent() is not root:
                message = "<object> is not directly inside <annotation>."
                self.add(element, "element-misplaced", message, "Move it there. Otherwise its box is lost.")
            elif (box := self.labelled_box(element)) is not None:
                boxes.append(box)
        for element in filter(is_stray, root):
            message = f"<{element.tag}> holds a box, but only <object> is read."
            self.add(element, "element-misplaced", message, "Rename it to <object>. Otherwise its box is lost.")
        return Annotation(
            path=path,
            filename=_text(filename) or None,
            filename_line=_line(root if filename is None else filename),
            size=None if size is None else self.size(size),
            size_line=_line(root if size is None else size),
            boxes=tuple(boxes),
        )

    def children(self, parent: etree._Element, wanted: Sequence[str], fix: str = "") -> _Children:
        """Return the children by name; of the wanted ones, more than one, or with a ``fix`` none, is a fault."""
        found = {element.tag: element for element in parent}
        if len(found) != len(parent):
            for name in wanted:
                repeated = parent.findall(name)
                if len(repeated) > 1:
                    message = f"<{parent.tag}> has {len(repeated)} <{name}>."
                    self.add(repeated[1], "element-repeated", message, "Keep the right one and remove the others.")
                    found[name] = repeated[0]
        if fix:
            for name in wanted:
                if name not in found:
                    self.add(parent, "element-missing", f"<{parent.tag}> has no <{name}>.", fix)
        return found

    def size(self, element: etree._Element) -> ImageSize | None:
        """Return the size that is stated, ``None`` where a part of it is missing or is no whole number."""
        children = self.children(element, ("width", "height"))
        values = []
        for side in (children.get("width"), children.get("height")):
            text = _text(side)
            value = self.number(side, text) if side is not None and text else None
            if side is not None and value is not None and not value.is_integer():
                self.add(side, "not-a-number", f"<{side.tag}> is {text!r}, not a whole number.", _FIX_SIZE)
                return None
            values.append(value)
        width, height = values
        return None if width is None or height is None else ImageSize(int(width), int(height))

    def labelled_box(self, element: etree._Element) -> LabelledBox | None:
        if self.shapes is not None and self.shapes.is_deleted(element):
            return None
        known = len(self.problems)
        shape = shape_of(element) if element.find("bndbox") is None else ""
        children = self.children(element, ("name",) if shape else ("name", "bndbox"), _FIX_BOX)
        name, bndbox = children.get("name"), children.get("bndbox")
        class_name = self.class_name(name)
        is_difficult = _text(children.get("difficult")).casefold() in _TRUE
        if shape:
            made = self.box_of_shape(element, shape)
            is_sound = made is not None and len(self.problems) == known
            return LabelledBox(class_name, made, _line(element), is_difficult) if made and is_sound else None
        corners = self.children(bndbox, _SIDES, _FIX_BOX) if bndbox is not None else {}
        sides = [corners[side] for side in _SIDES if side in corners]
        values = [self.number(side, _text(side)) for side in sides]
        if len(self.problems) > known:
            return None
        box = BoundingBox(*values)  # type: ignore[arg-type]  # a side that is missing or no number is a problem
        lines = BoxLines(_line(name), *map(_line, sides))  # type: ignore[arg-type]
        turned = self.turned(element, box)
        return None if turned is None else LabelledBox(class_name, turned, _line(element), is_difficult, lines)

    def box_of_shape(self, element: etree._Element, shape: str) -> BoundingBox | None:
        """Return the box around an object that has no ``<bndbox>``; unless it is asked for, a fault."""
        if self.shapes is None:
            message = f"<object> has no <bndbox>, but a <{shape}>, which training cannot use."
            self.add(element, "element-missing", message, _FIX_SHAPE)
            return None
        if not self.shapes.are_boxed:
            self.shapes.lost[f"shapes of the kind {shape}"] += 1
            return None
        box = box_of_shape(element)
        if box is None:
            self.add(element, "not-a-number", f"the values of <{shape}> are not numbers.", "Correct them.")
            return None
        self.shapes.boxed[f"shapes of the kind {shape}"] += 1
        return box

    def turned(self, element: etree._Element, box: BoundingBox) -> BoundingBox | None:
        """Return a box, or what becomes of it where the object says that it is turned."""
        degrees = turn_of(element)
        if self.shapes is not None:
            self.shapes.beside["parts"] += len(element.findall("part"))
            self.shapes.beside["segmentations"] += element.find("polygon") is not None
        if not degrees:
            return box
        if self.shapes is None:
            message = f"the box is turned by {degrees:g} degrees, which training ignores: it learns the upright one."
            fix = f"Draw an upright box around the object. {_FIX_SHAPE}"
            self.add(element, "box-rotated", message, fix)
            return box
        if not self.shapes.are_boxed:
            self.shapes.lost["rotated boxes"] += 1
            return None
        self.shapes.boxed["rotated boxes"] += 1
        return box_around_turned(box, degrees)

    def class_name(self, element: etree._Element | None) -> str:
        name = _text(element)
        if element is None:
            return name
        if not name:
            self.add(element, "element-missing", "<name> is empty.", _FIX_NAME)
        elif len(name.splitlines()) > 1 or any(letter < " " for letter in name):
            self.add(element, "class-malformed", f"the class name {name!r} is not one line of text.", "Correct it.")
        return name

    def number(self, element: etree._Element, text: str) -> float | None:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if math.isfinite(value):
            return value
        self.add(element, "not-a-number", f"<{element.tag}> is {text!r}, not a number.", "Correct the value.")
        return None


def render_annotation(annotation: Annotation, *, folder: str = "images", depth: int = 3) -> bytes:
    """Return an annotation as labelImg writes it: tabs, no declaration, ``truncated`` where a box touches an edge.

    Args:
        annotation: what to write; a missing filename or size is left out.
        folder: text of ``<folder>``.
        depth: number of colour channels, text of ``<depth>``.
    """
    root = etree.Element("annotation")
    add = _adder(root)
    add("folder", folder)
    if annotation.filename is not None:
        add("filename", annotation.filename)
        add("path", annotation.filename)
    _adder(etree.SubElement(root, "source"))("database", "Unknown")
    if annotation.size is not None:
        add_side = _adder(etree.SubElement(root, "size"))
        add_side("width", annotation.size.width)
        add_side("height", annotation.size.height)
        add_side("depth", depth)
    add("segmented", 0)
    for box in annotation.boxes:
        _add_object(root, box, annotation.size)
    etree.indent(root, space="\t")
    return etree.tostring(root, encoding="utf-8", xml_declaration=False) + b"\n"


def write_annotation(path: Path, annotation: Annotation, *, folder: str = "images", depth: int = 3) -> None:
    """Write :func:`render_annotation` to ``path``, whole or not at all."""
    with replacing_file(path) as temporary:
        temporary.write_bytes(render_annotation(annotation, folder=folder, depth=depth))


def _adder(parent: etree._Element) -> Callable[[str, object], None]:
    """Return a function that appends an element with a text to ``parent``."""

    def add(name: str, value: object) -> None:
        etree.SubElement(parent, name).text = str(value)

    return add


def _add_object(root: etree._Element, labelled: LabelledBox, size: ImageSize | None) -> None:
    element = etree.SubElement(root, "object")
    add = _adder(element)
    add("name", labelled.class_name)
    add("pose", "Unspecified")
    add("truncated", int(_touches_edge(labelled.box, size)))
    add("difficult", int(labelled.is_difficult))
    add_side = _adder(etree.SubElement(element, "bndbox"))
    for side in _SIDES:
        add_side(side, format_coordinate(getattr(labelled.box, side)))


def _touches_edge(box: BoundingBox, size: ImageSize | None) -> bool:
    """Return what labelImg calls truncated; its minima start at 1."""
    return size is not None and (1 in (box.xmin, box.ymin) or box.xmax == size.width or box.ymax == size.height)


def format_coordinate(value: float) -> str:
    """Return the shortest text that reads back as the same number; whole numbers have no point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
