"""What a device must do to pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetrain.core.detections import Agreement
from edgetrain.edgetpu.device.checks import Evidence, Latency, checks_of
from edgetrain.edgetpu.device.trial_events import SoakSample, TrialResult
from edgetrain.evaluation.metrics import Metrics

ALL_AGREE = Agreement(10, 10, ())


def metrics(average_precision):
    return Metrics(average_precision, 0.9, 0.5, 0.6, {})


@pytest.fixture
def check(settings):
    """Return a function that gives one check of a good trial, changed, and the limits of the settings, changed."""

    def check(name, *, limits=None, agreed=ALL_AGREE, scores=(0.5, 0.5), needed=14, **result):
        chosen = replace(settings().hardware, **(limits or {}))
        trial = TrialResult(**{"latencies_ms": [10.0, 11.0, 12.0], **result})
        judged = [None if score is None else metrics(score) for score in scores]
        found = checks_of(chosen, trial, Evidence(agreed, *judged, needed))
        return next(item for item in found if item.name == name)

    return check


def soak(*latencies, temperature=None):
    return [SoakSample(10.0 * place, 100, ms, ms, temperature) for place, ms in enumerate(latencies)]


def test_a_device_that_sees_other_things_fails_and_the_pictures_are_named(check):
    found = check("detections", agreed=Agreement(10, 9, ("b.jpg",)))

    assert found.is_passed is False
    assert "9 of 10" in found.text
    assert found.text.endswith("they differ in b.jpg")


@pytest.mark.parametrize(
    ("needed", "runtime", "is_passed"),
    [
        pytest.param(14, "BuildLabel(N/A), RuntimeVersion(14)", True, id="new enough"),
        pytest.param(14, "BuildLabel(N/A), RuntimeVersion(13)", False, id="too old"),
        pytest.param(14, None, None, id="no word"),
        pytest.param(None, None, None, id="on the CPU"),
    ],
)
def test_the_runtime_must_be_as_new_as_the_model_asks(check, needed, runtime, is_passed):
    assert check("runtime", needed=needed, runtime=runtime).is_passed is is_passed


@pytest.mark.parametrize("name", ["detections", "accuracy"])
def test_a_rehearsal_never_speaks_of_a_device(check, name):
    assert "a rehearsal" in check(name, needed=None).text
    assert "device" not in check(name, needed=None).text


def test_detections_that_do_not_exist_prove_nothing(check):
    assert check("detections", agreed=Agreement(0, 0, ())).is_passed is None


@pytest.mark.parametrize(
    ("device", "cpu", "is_passed"),
    [
        pytest.param(0.49, 0.5, True, id="a little worse"),
        pytest.param(0.47, 0.5, False, id="worse"),
        pytest.param(0.6, 0.5, True, id="better"),
        pytest.param(None, None, None, id="nothing labelled"),
    ],
)
def test_the_device_may_lose_a_little_accuracy(check, device, cpu, is_passed):
    assert check("accuracy", scores=(device, cpu)).is_passed is is_passed


@pytest.mark.parametrize(("limit", "is_passed"), [(None, None), (12.0, True), (11.0, False)])
def test_the_ninetieth_percentile_must_keep_the_limit(check, limit, is_passed):
    assert check("latency", limits={"max_latency_ms": limit}).is_passed is is_passed


@pytest.mark.parametrize(
    ("samples", "is_passed"),
    [
        pytest.param(soak(*[10.0] * 9, temperature=71.2), True, id="steady"),
        pytest.param(soak(*[10.0] * 6, 12.5, 12.5, 12.5), False, id="slower and slower"),
        pytest.param(soak(10.0, 99.0), None, id="too short to tell"),
    ],
)
def test_a_device_that_slows_down_fails(check, samples, is_passed):
    assert check("endurance", limits={"minutes": 2.0}, soak=samples).is_passed is is_passed


def test_endurance_is_only_judged_if_asked_for(check):
    assert check("endurance").is_passed is None


def test_percentiles_are_those_of_the_timed_runs():
    latency = Latency.of(TrialResult(latencies_ms=[float(ms) for ms in range(101)], first_ms=500.0))

    assert (latency.p50_ms, latency.p90_ms, latency.p99_ms) == (50.0, 90.0, 99.0)
    assert (latency.first_ms, latency.inferences, latency.throughput) == (500.0, 101, 20.0)


def test_one_timed_run_has_percentiles_too():
    assert Latency.of(TrialResult(latencies_ms=[4.0])).p99_ms == 4.0
