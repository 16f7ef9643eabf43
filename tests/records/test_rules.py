"""Records against the rules of training: every fault told with what comes of it."""

from __future__ import annotations

import hashlib
import io
import zlib

import pytest
from PIL import Image

from edgetrain.core.boxes import ImageSize, NormalizedBox
from edgetrain.core.label_map import LabelMap
from edgetrain.records.example import DetectionExample, ExampleBox
from edgetrain.records.rules import RecordRules, source_id_of
from edgetrain.records.wire import Feature, decode_features
from tests.support.examples import encode_example

RULES = RecordRules(LabelMap(("boat", "fish")), max_boxes=3)
BOX = ExampleBox(NormalizedBox(0.25, 0.125, 0.5, 0.75), "boat", 1)
SIDE = "image/object/bbox/"


def encoded(kind="PNG", size=(64, 48), mode="RGB", **options):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, **options)
    return buffer.getvalue()


def features(*boxes, data=None, **changed):
    """Return the features of a good record, changed by the last part of their key."""
    example = DetectionExample("a.png", "images/a.png", data or encoded(), "png", ImageSize(64, 48), boxes)
    found = decode_features(encode_example(example))
    for name, feature in changed.items():
        key = next((key for key in found if key.endswith(f"/{name}")), f"image/key/{name}")
        found[key] = feature
    return found


def faults(found):
    return [(fault.severity, fault.message) for fault in RULES.faults(found)]


def box(*, xmin=0.1, ymin=0.1, xmax=0.5, ymax=0.5, name="boat", class_id=1):  # noqa: PLR0913
    return ExampleBox(NormalizedBox(ymin, xmin, ymax, xmax), name, class_id)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(features(BOX, BOX), id="boxes"),
        pytest.param(features(), id="negative"),
        pytest.param(
            {key: value for key, value in features().items() if "/object/" not in key}, id="negative without keys"
        ),
        pytest.param(features(BOX, difficult=Feature()), id="no difficult"),
        pytest.param(features(data=encoded("JPEG") + b"padding", format=Feature([b"jpg"])), id="bytes behind a JPEG"),
        pytest.param(
            features(sha256=Feature([hashlib.sha256(encoded()).hexdigest().encode()])), id="digest of the picture"
        ),
    ],
)
def test_a_good_record_has_no_fault(found):
    assert faults(found) == []


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param(features(data=encoded("GIF", mode="P")), "the picture is GIF, not JPEG or PNG", id="gif"),
        pytest.param(features(data=encoded("WEBP")), "the picture is WEBP, not JPEG or PNG", id="webp"),
        pytest.param(features(data=encoded("BMP")), "the picture is BMP, not JPEG or PNG", id="bmp"),
        pytest.param(features(data=b"<html>"), "the file is not a picture: training stops", id="html"),
        pytest.param(features(encoded=Feature()), "image/encoded is missing or empty", id="no picture"),
        pytest.param(features(encoded=Feature([b""])), "image/encoded is missing or empty", id="empty picture"),
        pytest.param(features(data=encoded()[:-1]), "the picture is cut off", id="png cut by a byte"),
        pytest.param(features(data=encoded("JPEG")[:-1]), "the picture is cut off", id="jpeg cut by a byte"),
        pytest.param(features(format=Feature([b"raw"])), "image/format is raw", id="raw"),
        pytest.param(features(width=Feature(ints=[65])), "say 65x48, but the picture is 64x48", id="width"),
        pytest.param(features(width=Feature(ints=[48]), height=Feature(ints=[64])), "say 48x64", id="size swapped"),
        pytest.param(features(sha256=Feature([b"0" * 64])), "sha256 is not that of the picture", id="digest"),
        pytest.param(features(source_id=Feature()), "image/source_id is missing or empty", id="no source_id"),
        pytest.param(features(source_id=Feature([b""])), "image/source_id is missing or empty", id="empty source_id"),
        pytest.param(features(source_id=Feature([b"a", b"b"])), "source_id has 2 values, not one", id="two ids"),
        pytest.param(features(BOX, label=Feature(floats=[1.0])), "label holds no ints", id="label of another type"),
        pytest.param(features(BOX, xmin=Feature(ints=[0])), "xmin holds no floats", id="corner of another type"),
        pytest.param(features(box(xmax=1.02)), r"box 1 (0.1 0.1 1.02 0.5): it leaves the picture", id="1.02"),
        pytest.param(features(box(xmin=-0.1)), "box 1 (-0.1 0.1 0.5 0.5): it leaves the picture", id="-0.1"),
        pytest.param(features(BOX, box(xmax=300, ymax=200)), "box 2 (0.1 0.1 300 200): it leaves", id="pixels"),
        pytest.param(features(box(xmax=float("inf"))), "it leaves the picture", id="infinite"),
        pytest.param(features(box(ymin=float("nan"))), "a coordinate is not a number", id="nan"),
        pytest.param(features(box(xmin=0.6)), "a minimum is greater than its maximum: training stops", id="inverted"),
        pytest.param(features(box(xmin=0.5)), "it has no area", id="empty"),
        pytest.param(features(box(name="baot")), "box 1: 'baot' is not in the label map: the box is", id="typo"),
        pytest.param(features(box(name="boat ")), "'boat ' is not in the label map", id="trailing space"),
        pytest.param(features(box(class_id=2)), "the class id is 2, but 'boat' has 1 in the label map", id="id"),
        pytest.param(features(box(class_id=0)), "the class id is 0, not one of 1 to 2: it is learnt as", id="id 0"),
        pytest.param(features(box(class_id=3)), "the class id is 3, not one of 1 to 2", id="id too great"),
        pytest.param(features(BOX, BOX, BOX, BOX), "it has 4 boxes, of which training reads 3", id="too many"),
        pytest.param(
            features(BOX, BOX, label=Feature(ints=[1])),
            "differ in length (ymin 2, xmin 2, ymax 2, xmax 2, text 2, label 1,",
            id="two boxes, one label",
        ),
        pytest.param(features(BOX, xmax=Feature()), "(ymin 1, xmin 1, ymax 1, xmax 0, text 1", id="no xmax"),
        pytest.param(features(BOX, text=Feature()), "class/text is missing: the boxes have an id only", id="no text"),
        pytest.param(features(BOX, label=Feature()), "class/label is missing: the boxes have a name only", id="no id"),
    ],
)
def test_what_harms_the_training_is_one_error(found, message):
    [(severity, told)] = [fault for fault in faults(found) if "image/format is" not in fault[1] or "raw" in message]

    assert severity == "error"
    assert message in told


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param(features(filename=Feature()), "image/filename is missing", id="no filename"),
        pytest.param(features(width=Feature()), "image/width or image/height is missing", id="no width"),
        pytest.param(
            features(format=Feature([b"jpeg"])), "image/format is 'jpeg', but the picture is PNG", id="format"
        ),
        pytest.param(features(data=encoded(mode="I;16")), "the picture has 16 bits a channel", id="16 bits"),
        pytest.param(
            features(data=encoded("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")),
            "the picture is stored turned (EXIF orientation 6)",
            id="orientation",
        ),
    ],
)
def test_what_is_only_odd_is_a_warning(found, message):
    told = dict(faults(found))

    assert list(told) == ["warning"]
    assert message in " ".join(text for _, text in faults(found))


def test_a_picture_that_would_fill_the_memory_is_an_error():
    data = encoded(size=(1, 1))
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + data[24:29]

    told = faults(features(data=data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]))

    assert told[0] == ("error", "the picture's header states 20000x20000 pixels, which is more than fits into memory.")


def test_all_faults_of_a_record_are_told():
    found = features(box(name="baot"), box(xmin=0.6), width=Feature(ints=[1]), source_id=Feature())

    assert len(faults(found)) == 4


def test_names_that_are_no_text_are_shown_all_the_same():
    assert source_id_of(features(source_id=Feature([b"a\xff"]))) == "a\\xff"
    assert source_id_of({}) == ""
