"""Faults planted on purpose come out, each at its file, line and rule, and nothing else does, in every format."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from urllib.parse import unquote

import pytest
from PIL import Image, ImageDraw

from edgetrain.core.rules import RULES
from edgetrain.core.workspace import Workspace
from edgetrain.review.output.formats import Review, render_review
from edgetrain.review.validate import check
from tests.conftest import settings_of
from tests.support.planted_faults import Place, annotation_lines, plant_everything

LINE = re.compile(r"(.+?):(\d+): (?:error|warning): .* \[([a-z-]+)\]")
# No other fault can stand beside it.
# Of the whole dataset: tests of their own have these.
ELSEWHERE = {
    *("dataset-negative", "class-emptied", "data-unfetched", "file-excessive", "label-map-malformed", "link-outside"),
    "split-unreadable",
}
# Identical photographs, and those that look nearly the same.
TWINS = {f"raccoon-{number}" for number in (11, 116, 83, 120, 52, 74, 65, 98, 21, 45, 50, 51, 85)}


def places(findings):
    return [Place(one.file, one.line, one.rule) for one in findings]


def draw(root, count=110):
    """Draw pictures without faults, each with two raccoons, all different; return their stems."""
    for folder in ("annotations", "images"):
        (root / folder).mkdir(parents=True)
    stems = [f"{number:04}" for number in range(count)]
    for number, stem in enumerate(stems):
        image = Image.new("RGB", (640, 480), (number * 2, 255 - number, 90))
        ImageDraw.Draw(image).text((20, 20), stem)
        image.save(root / "images" / f"{stem}.jpg")
        lines = annotation_lines(f"{stem}.jpg", image.size)
        (root / "annotations" / f"{stem}.xml").write_text("\n".join(lines))
    return stems


def review(root, workspace):
    settings = settings_of(root, workspace, validate__pixels=True, validate__rules={"image-negative": "warning"})
    return check(settings, Workspace(workspace))[0]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return the places where faults were planted, and what was found."""
    root = tmp_path_factory.mktemp("planted") / "dataset"
    expected = plant_everything(root, draw(root)[3:])
    return expected, review(root, root.parent / "build")


def test_exactly_the_planted_faults_are_found(planted):
    expected, findings = planted

    assert places(findings) == expected
    assert len(expected) >= 60


def test_every_rule_has_its_fault(planted):
    assert {place.rule for place in planted[0]} == set(RULES) - ELSEWHERE


def test_text_shows_them(planted):
    lines = [LINE.fullmatch(line) for line in render_review(Review(planted[1]), "text").splitlines()]

    assert [Place(found[1], int(found[2]), found[3]) for found in lines if found] == planted[0]


def test_json_shows_them(planted):
    found = json.loads(render_review(Review(planted[1]), "json"))["findings"]

    assert [Place(one["file"], one["line"], one["rule"]) for one in found] == planted[0]


def test_sarif_shows_them(planted):
    (run,) = json.loads(render_review(Review(planted[1], prefix="data/"), "sarif"))["runs"]

    spots = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    shown = [
        Place(unquote(spot["artifactLocation"]["uri"]), spot["region"]["startLine"], result["ruleId"])
        for spot, result in zip(spots, run["results"])
    ]
    assert shown == [place._replace(file=f"data/{place.file}") for place in planted[0]]


def test_github_lists_them_and_shows_ten_of_a_kind(planted):
    text = render_review(Review(planted[1]), "github")

    lines = [LINE.fullmatch(line) for line in text.splitlines()]
    assert [Place(found[1], int(found[2]), found[3]) for found in lines if found] == planted[0]
    commands = re.findall(r"^::(error|warning|notice) (?:file=(.*),line=(\d+),)?title=([^:]*)::", text, re.MULTILINE)
    assert Counter(command[0] for command in commands) == {"error": 10, "warning": 10, "notice": 1}
    assert {Place(file, int(line), rule) for _, file, line, rule in commands if file} <= set(planted[0])


def test_a_dataset_without_any_object_is_told(tmp_path):
    for stem in draw(tmp_path / "dataset", 3):
        lines = annotation_lines(f"{stem}.jpg", (640, 480))
        (tmp_path / "dataset" / "annotations" / f"{stem}.xml").write_text("\n".join([*lines[:7], lines[-1]]))

    found = places(review(tmp_path / "dataset", tmp_path / "build"))

    assert Place("annotations/0000.xml", 1, "dataset-negative") in found
    assert {place.rule for place in found} == {"dataset-negative", "image-negative"}


def width_of(path):
    with Image.open(path) as image:
        return image.width


@pytest.mark.shared
def test_exactly_the_planted_faults_are_found_among_real_photographs(raccoon, tmp_path):
    root = tmp_path / "dataset"
    shutil.copytree(raccoon, root)
    before = places(review(root, tmp_path / "before"))
    taken = {place.file.split("/")[-1].split(".")[0] for place in before} | TWINS
    wide = [path.stem for path in sorted((root / "images").glob("*.jpg")) if width_of(path) >= 400]

    expected = plant_everything(root, [stem for stem in wide if stem not in taken][3:])

    found = places(review(root, tmp_path / "build"))
    assert without_edges(found) == without_edges(sorted([*before, *expected]))
    assert [place.rule for place in before] == ["twin-boxes"] * 4


def without_edges(found):
    """Leave out the mixed edges, told once: real boxes that end at the full width come before the planted one."""
    rest = [place for place in found if place.rule != "box-edge-base"]
    assert len(found) == len(rest) + 1
    return rest
