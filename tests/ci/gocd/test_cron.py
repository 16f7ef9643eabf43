"""Quartz's cron: what it takes and what it refuses."""

import pytest

from ci.gocd.cron import fault_of


@pytest.mark.parametrize(
    "spec",
    [
        "0 0 22 ? * MON-FRI",
        "0 30 2 * * ?",
        "0 0/15 * * * ?",
        "0 */10 8-18 ? * mon,wed 2030",
        "0 0 0 L * ?",
        "0 0 0 L-3 1/3 ?",
        "0 0 0 15W JAN,JUL ?",
        "0 0 0 ? * 6L",
        "0 0 0 ? * FRI#2",
        "5,10-20/2 0 0 1 1 ? 2030-2035",
    ],
)
def test_times_that_quartz_takes_have_no_fault(spec):
    assert fault_of(spec) == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param("0 22 * * *", "5 fields", id="of cron, without seconds"),
        pytest.param("0 0 0 1 1 ? 2030 1", "8 fields", id="too many"),
        pytest.param("", "0 fields", id="empty"),
        pytest.param("60 0 0 * * ?", '"60" as seconds', id="seconds"),
        pytest.param("0 0 24 * * ?", '"24" as hours', id="hours"),
        pytest.param("0 0 0 0 * ?", '"0" as day of month', id="day"),
        pytest.param("0 0 0 ? * 0", '"0" as day of week', id="weekday of cron"),
        pytest.param("0 0 0 ? * MONDAY", '"MONDAY" as day of week', id="long name"),
        pytest.param("0 0 0 ? MON *", '"MON" as month', id="weekday as month"),
        pytest.param("0 0 0 ? * FRI#6", '"FRI#6"', id="sixth Friday"),
        pytest.param("0 0/0 0 ? * *", '"0/0" as minutes', id="step of nothing"),
        pytest.param("0 ? 0 1 * ?", '"?" as minutes', id="question mark elsewhere"),
        pytest.param("0 0 0 * * *", 'needs "?"', id="no question mark"),
        pytest.param("0 0 0 ? * ?", 'needs "?"', id="two question marks"),
        pytest.param("0 0 0 ,1 * ?", '",1"', id="empty item"),
        pytest.param("0 0 0 1- * ?", '"1-"', id="open range"),
    ],
)
def test_times_that_quartz_refuses_are_explained(spec, message):
    assert message in fault_of(spec)
