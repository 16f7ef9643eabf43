"""JUnit XML, in the form that GoCD and GitHub's test reporters read.

One ``<testsuite>`` with a ``<testcase>`` for each check; times are seconds::

    <testsuites>
        <testsuite name="hardware" tests="2" failures="1" errors="0" skipped="0" time="1.500">
            <properties><property name="device" value="usb:0"/></properties>
            <testcase classname="hardware" name="latency" time="0.000"><failure message="…"/></testcase>
        </testsuite>
    </testsuites>
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from edgetrain.core.system.files import replacing_file

# What XML 1.0 cannot hold, even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One check: ``failure`` says what is wrong, ``skipped`` why it was not made; both empty if it passed."""

    name: str
    failure: str = ""
    skipped: str = ""


def write_junit(
    path: Path, suite: str, cases: Sequence[Case], *, properties: Mapping[str, str], seconds: float
) -> None:
    """Write the outcome of some checks, whole or not at all.

    Args:
        path: the file to write.
        suite: name of the suite, and class name of its cases.
        cases: the checks in order.
        properties: facts about the suite by name.
        seconds: how long all of it took.
    """
    counts = {
        "tests": len(cases),
        "failures": sum(bool(case.failure) for case in cases),
        "errors": 0,
        "skipped": sum(bool(case.skipped) for case in cases),
    }
    root = Element("testsuites")
    element = _child(root, "testsuite", name=suite, **{key: str(value) for key, value in counts.items()})
    element.set("time", f"{seconds:.3f}")
    listed = _child(element, "properties")
    for name, value in properties.items():
        _child(listed, "property", name=name, value=value)
    for case in cases:
        _add_case(element, suite, case)
    indent(root)
    with replacing_file(path) as temporary:
        ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _add_case(suite: Element, class_name: str, case: Case) -> None:
    element = _child(suite, "testcase", classname=class_name, name=case.name, time="0.000")
    for kind, text in (("failure", case.failure), ("skipped", case.skipped)):
        if text:
            _child(element, kind, message=text)


def _child(parent: Element, tag: str, **attributes: str) -> Element:
    return SubElement(parent, tag, {name: _FORBIDDEN.sub("\ufffd", value) for name, value in attributes.items()})
