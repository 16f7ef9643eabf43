"""JUnit XML as other programs read it."""

from __future__ import annotations

from lxml import etree

from edgetrain.edgetpu.device.junit import Case, write_junit


def written(path, *cases, **properties):
    write_junit(path, "hardware", cases, properties=properties, seconds=1.5)
    return etree.parse(path).getroot().find("testsuite")


def test_every_case_and_its_outcome_are_there(tmp_path):
    suite = written(tmp_path / "a.xml", Case("fast"), Case("right", failure="it is not"), Case("long", skipped="no"))

    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "time")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
        "time": "1.500",
    }
    assert suite.find("testcase[@name='right']/failure").get("message") == "it is not"
    assert suite.find("testcase[@name='long']/skipped").get("message") == "no"
    assert list(suite.find("testcase[@name='fast']")) == []


def test_properties_tell_the_device(tmp_path):
    suite = written(tmp_path / "a.xml", device="usb:0")

    assert suite.find("properties/property").attrib == {"name": "device", "value": "usb:0"}


def test_hostile_text_stays_text(tmp_path):
    suite = written(tmp_path / "a.xml", Case("a", failure='<b> & "c" \x00\x1b[31m'))

    assert suite.find("testcase/failure").get("message") == '<b> & "c" \ufffd\ufffd[31m'
