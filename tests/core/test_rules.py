"""The registry of the rules, and the settings that change their severities."""

from __future__ import annotations

import pytest

from edgetrain.core.errors import SettingsError
from edgetrain.core.rules import RULES, RuleLevel


def test_every_rule_has_a_known_severity_and_one_sentence():
    assert {rule.severity for rule in RULES.values()} == {level.value for level in RuleLevel}
    assert [name for name, rule in RULES.items() if rule.name != name or not rule.summary.endswith(".")] == []


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"box-tiny": False, "class-rare": "error"}, id="mapping, where YAML made false of off"),
        pytest.param("box-tiny=off, class-rare=error", id="text of a variable"),
    ],
)
def test_rules_get_other_severities(settings, given):
    assert settings(validate__rules=given).validate.rules == {"box-tiny": "off", "class-rare": "error"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"box-tyni": "off"}, "names 'box-tyni', which is no rule.* mean .box-tiny", id="rule"),
        pytest.param({"box-tiny": "of"}, r"box-tiny is 'of', but must be one of: error, warning, off", id="severity"),
        pytest.param(["box-tiny"], r"must be names with a value each", id="list"),
    ],
)
def test_a_wrong_change_of_severities_is_refused(settings, given, message):
    with pytest.raises(SettingsError, match=message):
        settings(validate__rules=given)
