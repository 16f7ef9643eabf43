"""Each rule of a promotion, at and beside its limit."""

from __future__ import annotations

import pytest

from edgetrain.edgetpu.hardware_pass import HardwareResult
from edgetrain.release.champion.decision import (
    Duel,
    PictureSets,
    class_floors,
    comparable,
    duel_reasons,
    latency_reasons,
    named,
    quantization_reason,
)
from edgetrain.release.champion.values import Accuracy, JudgedPicture
from tests.conftest import settings_of

PICTURES = (JudgedPicture("a" * 64, "a.jpg"), JudgedPicture("b" * 64, "b\x1b.jpg"))


def limits(tmp_path, **changes):
    changed = {f"promote__{name}": value for name, value in changes.items()}
    return settings_of(tmp_path / "dataset", tmp_path / "build", **changed).promote


def accuracy(ap, boxes=20, **class_ap):
    return Accuracy(10, dict.fromkeys(class_ap, boxes), ap, 1.0, class_ap)


def sets(*, train=(), judging=("a" * 64, "b" * 64)):
    return PictureSets(train, judging, PICTURES)


@pytest.mark.parametrize(
    ("challenger", "min_gain", "expected"),
    [
        pytest.param(0.5, 0, True, id="equal is enough without a gain"),
        pytest.param(0.4999, 0, False, id="worse"),
        pytest.param(0.52, 0.02, True, id="at the gain"),
        pytest.param(0.519, 0.02, False, id="below the gain"),
        pytest.param(0.49, -0.02, True, id="a loss that is allowed"),
    ],
)
def test_the_challenger_must_be_better_by_the_gain(tmp_path, challenger, min_gain, expected):
    duel = Duel("10 test pictures", accuracy(challenger, boat=challenger), accuracy(0.5, boat=0.5))

    gain, _ = duel_reasons(duel, limits(tmp_path, min_gain=min_gain))

    assert gain.is_passed is expected
    assert gain.text.startswith(f"challenger {challenger:.3f}, champion 0.500: {challenger - 0.5:+.3f}")


def test_a_class_that_lost_too_much_is_named_with_its_figures(tmp_path):
    duel = Duel("10 pictures", accuracy(0.7, boat=0.9, fish=0.44), accuracy(0.5, boat=0.5, fish=0.5))

    gain, drops = duel_reasons(duel, limits(tmp_path))

    assert gain.is_passed is True
    assert drops.is_passed is False
    assert drops.text == "lost too much: fish 0.440 after 0.500 (-0.060), -0.05 allowed"


def test_a_class_at_the_limit_has_not_lost_too_much(tmp_path):
    duel = Duel("10 pictures", accuracy(0.7, boat=0.45), accuracy(0.5, boat=0.5))

    assert duel_reasons(duel, limits(tmp_path))[1].is_passed is True


def test_classes_with_few_boxes_are_named_and_not_judged(tmp_path):
    duel = Duel("10 pictures", accuracy(0.7, 9, boat=0.0), accuracy(0.5, 9, boat=0.5))

    drops = duel_reasons(duel, limits(tmp_path))[1]

    assert drops.is_passed is None
    assert drops.text == "no class has enough boxes; not judged for fewer than 10 boxes: boat"


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        pytest.param(0.3, True, id="at it"),
        pytest.param(0.29, False, id="below"),
        pytest.param(None, False, id="no box"),
    ],
)
def test_a_class_must_reach_its_floor_and_prove_it(reached, expected):
    (reason,) = class_floors(accuracy(0.5, boat=reached), {"boat": 0.3})

    assert reason.is_passed is expected


@pytest.mark.parametrize(
    ("p90_ms", "max_latency_ms", "expected"),
    [
        pytest.param(8.8, None, [None, True], id="at the champion's limit"),
        pytest.param(8.9, None, [None, False], id="slower than the champion"),
        pytest.param(8.0, 8, [True, True], id="at the own limit"),
        pytest.param(8.5, 8, [False, True], id="above the own limit"),
    ],
)
def test_the_latency_has_two_limits(tmp_path, p90_ms, max_latency_ms, expected):
    pair = [HardwareResult("usb:0", value, None) for value in (p90_ms, 8.0)]

    found = latency_reasons(*pair, limits(tmp_path, max_latency_ms=max_latency_ms, max_latency_gain=0.1))

    assert [reason.is_passed for reason in found] == expected


@pytest.mark.parametrize(
    ("int8", "expected"), [pytest.param(0.45, True, id="at"), pytest.param(0.44, False, id="over")]
)
def test_quantization_may_cost_so_much(int8, expected):
    assert quantization_reason(0.5, int8, 0.05).is_passed is expected


@pytest.mark.parametrize(
    ("champion", "expected"),
    [
        pytest.param(("boat", "fish"), True, id="same"),
        pytest.param(("boat",), False, id="new class"),
        pytest.param(("fish", "boat"), False, id="other ids"),
    ],
)
def test_only_equal_label_maps_are_compared(champion, expected):
    same, _, _ = comparable(("boat", "fish"), champion, sets(), 0)

    assert same.is_passed is expected


def test_the_difference_of_label_maps_is_said():
    same, _, _ = comparable(("boat", "fish", "net"), ("fish", "boat", "buoy"), sets(), 0)

    assert "(new: net; gone: buoy; with another id: boat, fish)" in same.text


def test_a_test_picture_in_training_is_named():
    _, leak, kept = comparable(("boat",), ("boat",), sets(train={"b" * 64}, judging={"a" * 64}), 0)

    assert leak.is_passed is False
    assert leak.text.startswith("1 of the champion's 2 test pictures are in this training split: b\\x1b.jpg")
    assert kept.is_passed is True


@pytest.mark.parametrize(
    ("share", "expected"), [pytest.param(0.5, True, id="at"), pytest.param(0.49, False, id="over")]
)
def test_few_of_the_champion_s_pictures_may_be_gone(share, expected):
    _, leak, kept = comparable(("boat",), ("boat",), sets(judging={"a" * 64}), share)

    assert (leak.is_passed, kept.is_passed) == (True, expected)
    assert "1 of the champion's 2 test pictures are not in these records any more: b\\x1b.jpg" in kept.text


def test_many_names_are_cut():
    assert named(list("abcdefg")) == "a, b, c, d, e and 2 more"
