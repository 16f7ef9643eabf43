"""Findings as SARIF 2.1.0: what code scanning asks of a log."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from edgetrain.core.findings import Finding
from edgetrain.core.rules import RULES
from edgetrain.review.output.sarif import render_sarif

FAULT = Finding("annotations/a b.xml", 9, "box-empty", "error", "boat: the box is empty.", "Draw it again.")


def run_of(*findings, **options):
    log = json.loads(render_sarif(findings, **options))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def location(result):
    return result["locations"][0]["physicalLocation"]


def prints(*findings):
    return [result["partialFingerprints"]["edgetrain/v1"] for result in run_of(*findings)["results"]]


def test_a_result_has_its_rule_level_place_and_message():
    run = run_of(FAULT, path_of="data/{}".format)

    (result,) = run["results"]
    assert location(result) == {
        "artifactLocation": {"uri": "data/annotations/a%20b.xml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 9},
    }
    assert (result["ruleId"], result["level"]) == ("box-empty", "error")
    assert result["message"]["text"] == "boat: the box is empty. Draw it again."
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "box-empty"


def test_every_rule_is_described():
    rules = {rule["id"]: rule for rule in run_of()["tool"]["driver"]["rules"]}

    assert list(rules) == list(RULES)
    assert rules["box-tiny"]["defaultConfiguration"] == {"enabled": True, "level": "warning"}
    assert rules["image-negative"]["defaultConfiguration"]["enabled"] is False
    assert rules["box-tiny"]["shortDescription"]["text"] == RULES["box-tiny"].summary
    assert all(rule[key]["text"] for rule in rules.values() for key in ("fullDescription", "help"))


@pytest.mark.parametrize(("is_good", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_is_told(is_good, code):
    assert run_of(is_good=is_good)["invocations"] == [{"executionSuccessful": True, "exitCode": code}]


def test_a_fingerprint_survives_lines_that_move():
    earlier = Finding("a.xml", 9, "box-duplicate", "warning", "it repeats that of line 12.", "f.")
    later = Finding("a.xml", 19, "box-duplicate", "warning", "it repeats that of line 22.", "f.")

    assert prints(earlier) == prints(later)
    assert len(set(prints(earlier, later, FAULT))) == 3


def test_of_too_many_findings_the_worst_and_the_changed_are_kept():
    warnings = [Finding(f"{number:05}.xml", 1, "box-tiny", "warning", "m.", "f.") for number in range(6000)]
    last = Finding("z.xml", 1, "box-empty", "error", "m.", "f.")

    run = run_of(*warnings, last, changed={"05999.xml"})

    files = [location(result)["artifactLocation"]["uri"] for result in run["results"]]
    assert (len(files), files[-3:]) == (5000, ["04997.xml", "05999.xml", "z.xml"])
    assert "1001 more findings" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


@pytest.mark.parametrize("name", ["a:b.xml", "100%.xml", "ä\n.xml", "#?.xml", "//x.xml"])
def test_a_name_becomes_a_uri_and_back(name):
    (result,) = run_of(Finding(name, 1, "box-empty", "error", name, "f."))["results"]

    uri = location(result)["artifactLocation"]["uri"]
    assert unquote(uri) == name
    assert not set(uri) & set(":#?\n ")


def test_a_name_that_is_not_utf_8_keeps_its_byte():
    text = render_sarif([Finding("\udcff.xml", 1, "box-empty", "error", "\udcff", "f.")])

    assert text.encode()
    assert '"uri": "%FF.xml"' in text
