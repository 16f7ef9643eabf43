"""The page of a review: findings with the pictures and boxes they are about; nothing in it runs or leads out."""

from __future__ import annotations

import re

import pytest

from edgetrain.core.findings import Finding
from edgetrain.pipeline.answers import review
from edgetrain.report import findings_page
from edgetrain.report.findings_page import write_findings_page
from tests.support.report_material import HOSTILE, text_of


@pytest.fixture
def faulty(voc_dataset):
    """Return the dataset, in which one box reaches out of its picture and one class has a hostile name."""
    path = voc_dataset / "annotations" / "0001.xml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<xmax>28</xmax>", "<xmax>280</xmax>", 1), encoding="utf-8")
    other = voc_dataset / "annotations" / "0002.xml"
    name = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    changed = re.sub("<name>[^<]*</name>", f"<name>{name}</name>", other.read_text(encoding="utf-8"))
    other.write_text(changed, encoding="utf-8")
    return voc_dataset


def test_each_file_has_its_picture_and_the_box_at_fault(faulty, settings, tmp_path):
    path = tmp_path / "findings.html"
    _, is_good = review(settings(faulty), "text", None, path)
    html = path.read_text(encoding="utf-8")
    section = next(one for one in html.split("<section>") if "0001.xml" in one)

    assert not is_good
    assert section.count("data:image/jpeg;base64,") == 1
    assert section.count('<g class="wrong"><title>') == 1
    assert "&lt;xmax&gt;280&lt;/xmax&gt;" in section


def test_a_hostile_name_is_text_and_nothing_leads_out(faulty, settings, tmp_path):
    path = tmp_path / "findings.html"
    review(settings(faulty), "text", None, path)
    html = path.read_text(encoding="utf-8")

    assert "<script" not in html
    assert "alert(1)" in text_of(html)
    assert not re.findall(r'(?:src|href)="(?!data:)', html)


def test_pictures_and_findings_are_bounded(voc_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(findings_page, "_MOST_PICTURES", 3)
    monkeypatch.setattr(findings_page, "_MOST_FINDINGS", 8)
    names = [f"annotations/{number:04d}.xml" for number in range(12)]
    findings = [Finding(name, 1, "box-outside", "error", "Too far.", "Clip.") for name in names]
    path = tmp_path / "findings.html"
    write_findings_page(path, findings, voc_dataset, is_good=False)
    html = path.read_text(encoding="utf-8")

    assert html.count("data:image/jpeg") == 3
    assert html.count('<li class="error">') == 8
    assert "4 more findings" in html


def test_a_picture_that_is_not_there_leaves_the_finding(voc_dataset, tmp_path):
    (voc_dataset / "images" / "0001.jpg").write_bytes(b"no picture")
    findings = [
        Finding(name, 1, "image-missing", "error", "Gone.", "Add it.") for name in ("annotations/0001.xml", "x")
    ]
    path = tmp_path / "findings.html"
    write_findings_page(path, findings, voc_dataset, is_good=False)

    assert path.read_text(encoding="utf-8").count("Gone.") == 2
