"""Numbers as text, and what is no number."""

from __future__ import annotations

import math

import pytest

from edgetrain.core import wording


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(wording.share_text(0.12345), "0.123", id="share"),
        pytest.param(wording.share_text(None), "unknown", id="share-unknown"),
        pytest.param(wording.count_text(12345), "12,345", id="count"),
        pytest.param(wording.count_text("many"), "unknown", id="count-unknown"),
        pytest.param(wording.change_text(0.5, 0.4375), "\N{MINUS SIGN}0.062", id="loss"),
        pytest.param(wording.change_text(0.5, 0.5), "+0.000", id="no-change"),
        pytest.param(wording.change_text(0.5, math.nan), "unknown", id="change-unknown"),
        pytest.param(wording.duration_text(4.26), "4.3 s", id="seconds"),
        pytest.param(wording.duration_text(200), "3 min 20 s", id="minutes"),
        pytest.param(wording.size_text(2048), "2.0 KiB", id="kibibytes"),
        pytest.param(wording.size_text(5 << 20), "5.0 MiB", id="mebibytes"),
    ],
)
def test_numbers_as_text(text, expected):
    assert text == expected


@pytest.mark.parametrize("value", [True, "1", None, math.inf, math.nan], ids=str)
def test_only_finite_numbers_are_numbers(value):
    assert wording.finite_number(value) is None


def test_lines_of_strangers_obey_nobody():
    text = "a: \x1b[2J\u202e\udcff\tä\n::error::x\n  ::add-mask::y\n" + "z" * 5000

    shown = wording.printable_lines(text).split("\n")

    assert shown[:3] == [r"a: \x1b[2J\u202e\udcff" + "\tä", "| ::error::x", "|   ::add-mask::y"]
    assert shown[3] == "z" * 4000 + "…"
