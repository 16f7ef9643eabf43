"""Annotations that nobody wrote: valid ones, damaged by a seeded mutator, and what must hold for each.

A mutator of our own, not a fuzzer that follows the code: such a fuzzer cannot see into lxml's parser, which is C.
``python -m tests.soak.mutants --count N --seed N`` tries many.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree as ET

from PIL import Image

from edgetrain.core.findings import Severity
from edgetrain.dataset.folder import find_dataset
from edgetrain.review.output.text import render_json, render_text
from edgetrain.review.review import Reviewer
from edgetrain.review.reviewed import ReviewedSet
from edgetrain.review.rules.boxes import BoxLimits
from edgetrain.review.rules.classes import class_findings
from edgetrain.review.rules.whole_set import habit_findings
from tests.support.places import DATA_DIR
from tests.support.planted_faults import annotation_lines, one_line_object

SIZE = (640, 480)
MOST_SECONDS = 5.0
MOST_GROWTH_BYTES = 64 << 20
_NAMES = (
    *("annotation", "filename", "size", "width", "height", "object", "name", "bndbox"),
    *("xmin", "ymin", "xmax", "ymax", "difficult", "part", "pose"),
)
_NASTY = (
    *("0", "-1", "1e309", "nan", "inf", "1_0", "0x1F", "99999999999999999999"),
    *("1.5", "١٢", "+5", "1,5", "-0", "5e-324", ".", "e"),
)
_PIECES = [
    *(f"<{name}>".encode() for name in _NAMES),
    *(f"</{name}>".encode() for name in _NAMES),
    *(
        b"<!DOCTYPE a>",
        b'<!ENTITY a "b">',
        b"&a;",
        b"&#0;",
        b"&#x10FFFF;",
        b"&amp;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
    ),
    *(
        b"<?x?>",
        b'<?xml version="1.0" encoding="cp037"?>',
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r",
        b"\xc2",
    ),
    *(b" xmlns='x'", b"<a:name xmlns:a='x'>", b"../", b"\\", b"\xe2\x80\xae", b"/" * 300),
]
_ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7")


def originals():
    """Return the valid annotations that mutants are made of."""
    plain = "\n".join(annotation_lines("a.jpg", SIZE))
    crowd = "".join(one_line_object(f"c{number % 7}", (number, 1, number + 9, 50)) for number in range(200))
    files = sorted([*(DATA_DIR / "voc").glob("*.xml"), *(DATA_DIR / "quirks").glob("*.xml")])
    texts = [plain, plain, f"<annotation>{crowd}</annotation>", "<annotation/>"]
    return [*(text.encode() for text in texts), *(path.read_bytes() for path in files)]


def mutants(seed, count):
    """Yield ``count`` damaged annotations, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    valid = originals()
    for _ in range(count):
        data = chance.choice(valid)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            data = chance.choice(_MUTATORS)(data, chance, valid)
        yield data


def _span(data, chance):
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 5, 20, 100)))


def _flip(data, chance, _valid):
    start, _ = _span(data, chance)
    return data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :]


def _delete(data, chance, _valid):
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _repeat(data, chance, _valid):
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 50)) + data[end:]


def _insert(data, chance, _valid):
    start, _ = _span(data, chance)
    return data[:start] + chance.choice(_PIECES) + data[start:]


def _cut(data, chance, _valid):
    return data[: _span(data, chance)[0]]


def _splice(data, chance, valid):
    other = chance.choice(valid)
    return data[: _span(data, chance)[0]] + other[_span(other, chance)[0] :]


def _change_number(data, chance, _valid):
    found = list(re.finditer(rb">[^<>]*\d[^<>]*<", data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start() + 1] + chance.choice(_NASTY).encode() + data[one.end() - 1 :]


def _rename(data, chance, _valid):
    names = [name.encode() for name in _NAMES]
    return data.replace(chance.choice(names), chance.choice(names), chance.choice((1, 2, -1)))


def _swap_lines(data, chance, _valid):
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _encode(data, chance, _valid):
    return data.decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


def _nest(data, chance, _valid):
    depth, name = chance.choice((3, 100, 300)), chance.choice(_NAMES).encode()
    start, end = _span(data, chance)
    return data[:start] + b"<%b>" % name * depth + data[start:end] + b"</%b>" % name * depth + data[end:]


def _lengthen(data, chance, _valid):
    return data.replace(b"</name>", b"x" * chance.choice((100, 20_000)) + b"</name>", 1)


_MUTATORS = (
    *(_flip, _delete, _repeat, _insert, _cut, _splice, _change_number, _rename, _swap_lines, _encode, _nest, _lengthen),
    *(_change_number, _flip, _insert),
)


class Trial:
    """Reviews one annotation after another in the place of a real one, with its picture."""

    def __init__(self, folder):
        """Make a dataset of one picture in an empty folder."""
        for name in ("annotations", "images"):
            (folder / name).mkdir(parents=True)
        Image.new("RGB", SIZE).save(folder / "images" / "a.jpg")
        self._path = folder / "annotations" / "a.xml"
        self._path.write_text("<annotation/>")
        self._folder = find_dataset(folder)
        self._reviewer = Reviewer(self._folder, BoxLimits(300, 4, 100))

    def run(self, data):
        """Review an annotation; fail if it is neither read right nor reported, or takes too long."""
        self._path.write_bytes(data)
        started = time.process_time()
        reviewed = self._reviewer.review(self._folder.items[0]).reviewed
        everything = ReviewedSet.of([reviewed])
        whole = class_findings(everything, label_map=None, min_boxes=0, splits={}, divided=())
        findings = [*reviewed.findings, *habit_findings(everything), *whole]
        assert (render_text(findings) + render_json(findings)).encode()
        assert time.process_time() - started < MOST_SECONDS
        if not any(
            finding.severity == Severity.ERROR.value for finding in findings if finding.rule != "dataset-negative"
        ):
            assert reviewed.is_read
            assert all(
                0 <= box.xmin < box.xmax <= SIZE[0] and 0 <= box.ymin < box.ymax <= SIZE[1] for box in reviewed.boxes
            )
            assert objects_in(data) in {None, len(reviewed.boxes)}
        return findings


def objects_in(data):
    """Return the number of objects that another parser sees anywhere in a file, ``None`` where it sees no XML."""
    try:
        return sum(1 for _ in ET.fromstring(data).iter("object"))  # noqa: S314 - DTDs are errors by then
    except (ET.ParseError, ValueError, LookupError):
        return None


def resident_bytes():
    """Return the memory that this process holds now; 0 where the system does not say."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 if path.exists() else 0


def main():
    """Try many mutants; stop at the first that breaks a promise, and leave it in a file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    trial, started, reported, settled = Trial(folder / "dataset"), time.monotonic(), 0, 0
    for number, data in enumerate(mutants(chosen.seed, chosen.count)):
        # Also ends a loop in C, which Python's own signals cannot.
        faulthandler.dump_traceback_later(12 * MOST_SECONDS, exit=True)
        try:
            reported += bool(trial.run(data))
        except BaseException:
            Path("mutant.xml").write_bytes(data)
            print(f"mutant {number} of seed {chosen.seed} is in mutant.xml", file=sys.stderr)  # noqa: T201
            raise
        settled = resident_bytes() if number == chosen.count // 10 else settled
    faulthandler.cancel_dump_traceback_later()
    growth = resident_bytes() - settled
    shutil.rmtree(folder)
    print(  # noqa: T201
        f"seed {chosen.seed}: {chosen.count} mutants, {reported} reported, {chosen.count - reported} read without a "
        f"finding, {time.monotonic() - started:.0f} s, memory grew by {growth >> 10} KiB"
    )
    assert growth < MOST_GROWTH_BYTES


if __name__ == "__main__":
    main()
