"""What the HTML page says of a promotion: the decision, and each rule with its figures; texts are clean already."""

from __future__ import annotations

from edgetrain.core.workspace.stage_reports import Records, as_list, as_object, as_text, value_of

_STATES = {True: "passed", False: "failed", None: "not judged"}


def promotion_section(records: Records) -> list[tuple[str, str, str]]:
    """Return rule, result and figures of each reason, those against the model first; empty without a decision."""
    reasons = [as_object(reason) for reason in as_list(value_of(records, "promote", "reasons"))]
    ordered = sorted(reasons, key=lambda reason: reason.get("is_passed") is not False)
    return [
        (as_text(reason.get("name")), _state(reason.get("is_passed")), as_text(reason.get("text")))
        for reason in ordered
    ]


def _state(is_passed: object) -> str:
    return _STATES[is_passed if isinstance(is_passed, bool) else None]
