"""What edgetpu_compiler says, in the layouts of all its versions (``tests/data/compiler_logs``)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrain.edgetpu.compiler.log import OperatorRow, parse_compiler_output, parse_operator_rows
from tests.support.places import PROJECT_DIR

LOGS = PROJECT_DIR / "tests" / "data" / "compiler_logs"
NAMES = sorted(path.name for path in LOGS.iterdir() if path.suffix in {".txt", ".log"})


def text_of(name):
    return (LOGS / name).read_text(encoding="utf-8")


def parsed(name):
    return parse_compiler_output(text_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_understood(name):
    report = parsed(name)

    assert report.unknown_lines == ()
    assert report.version.split(".")[0] == name.split(".")[0]


@pytest.mark.parametrize(
    ("name", "milliseconds", "operations", "on_tpu", "on_cpu"),
    [
        pytest.param("16.0-partial.txt", 1524, 267, 264, 3, id="16 partial"),
        pytest.param("16.0-whole.txt", 62, 4, 4, 0, id="16 whole: no line for the counts"),
        pytest.param("16.0-table.txt", 1524, 267, 264, 3, id="16 with table"),
        pytest.param("16.0-zero-mapped.txt", 17, 157, 0, 157, id="16 nothing mapped"),
        pytest.param("16.0-search-delegate.txt", 811, 120, 84, 36, id="16 second attempt"),
        pytest.param("15.0-ssd-mobilenet-v2.txt", 1342, 113, 110, 3, id="15"),
        pytest.param("14.1-ssd-mobilenet-v2.txt", 552, 113, 110, 3, id="14.1"),
        pytest.param("2.0-ssd-mobilenet-v1.txt", 313, 64, 63, 1, id="2.0"),
    ],
)
def test_time_and_counts_are_read(name, milliseconds, operations, on_tpu, on_cpu):
    (model,) = parsed(name).models

    assert (model.milliseconds, model.operations, model.on_tpu, model.on_cpu) == (
        milliseconds,
        operations,
        on_tpu,
        on_cpu,
    )


def test_sizes_are_bytes():
    (model,) = parsed("2.0-ssd-mobilenet-v1.txt").models
    (small,) = parsed("16.0-whole.txt").models

    assert model.input_bytes == round(5.33 * 2**20)
    assert (model.cached_bytes, model.remaining_bytes) == (round(5.66 * 2**20), round(7.62 * 2**20))
    assert (small.cached_bytes, small.streamed_bytes) == (66 * 1024, 0)


@pytest.mark.parametrize(
    "name", ["16.0-table.txt", "16.0.log", "15.0-ssd-mobilenet-v2.txt", "2.0-ssd-mobilenet-v1.txt"]
)
def test_the_rows_of_the_table_add_up(name):
    (model,) = parsed(name).models
    total = sum(row.count for row in model.rows)

    assert total == {"15": 113, "16": 267, "2": 64}[name.split(".")[0]]
    assert sum(row.count for row in model.rows if not row.is_mapped) == (1 if name.startswith("2") else 3)


def test_one_operator_may_have_several_statuses():
    rows = parse_operator_rows(text_of("15.0-many-statuses.log"))

    assert [row for row in rows if row.name == "CONV_2D"] == [
        OperatorRow("CONV_2D", 1, "Mapped to Edge TPU"),
        OperatorRow("CONV_2D", 12, "More than one subgraph is not supported"),
    ]


def test_a_status_of_two_lines_is_one_status():
    first, second = parse_operator_rows(text_of("2.0-long-status.log"))

    assert first.status.endswith("limitation. For example, a fully-connected or softmax layer with 2D output")
    assert second == OperatorRow("CONV_2D", 5, "Mapped to Edge TPU")


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        pytest.param("16.0-large-activations.txt", "do not fit on the chip", id="large"),
        pytest.param("16.0-unknown-version.txt", "operator CONV_2D is of version 6", id="version"),
        pytest.param("16.0-unknown-builtin.txt", "came after the compiler", id="builtin"),
        pytest.param("16.0-not-quantized.txt", "no tensor is quantized", id="float"),
        pytest.param("16.0-dynamic.txt", "only known at run time", id="dynamic"),
        pytest.param("16.0-custom-operator.txt", "does not know the operator Atan", id="custom"),
        pytest.param("16.0-timeout.txt", "longer than compile.timeout_seconds", id="timeout"),
        pytest.param("16.0-no-reason.txt", "gives no reason", id="no reason"),
        pytest.param("16.0-crash.txt", "malformed", id="crash"),
        pytest.param("15.0-internal-error.txt", "a fault of the compiler", id="internal"),
    ],
)
def test_a_failure_says_what_it_means(name, meaning):
    report = parsed(name)

    assert report.models == ()
    assert meaning in report.failure.meaning


def test_nothing_but_the_version_is_neither_success_nor_failure():
    report = parsed("15.0-nothing.txt")

    assert (report.models, report.failure) == ((), None)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("16.0-two-models.txt", ["one.tflite", "two.tflite"]), ("15.0-segments.txt", ["m_segment_0", "m_segment_1"])],
)
def test_several_models_are_told_apart(name, inputs):
    models = parsed(name).models

    assert [model.input.split("_of_")[0] for model in models] == inputs
    assert models[0].on_cpu == 0


def test_windows_line_ends_change_nothing():
    text = text_of("16.0-table.txt")

    assert parse_compiler_output(text.replace("\n", "\r\n")) == parse_compiler_output(text)


@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_text_that_is_cut_off_is_read_as_far_as_it_goes(name, data):
    text = text_of(name)
    cut = data.draw(st.integers(0, len(text)))

    report = parse_compiler_output(text[:cut])

    assert report.version in ("", parsed(name).version) or parsed(name).version.startswith(report.version)


@given(st.text())
def test_any_text_is_read(text):
    assert parse_compiler_output(text).attempts == 1 or "Try to compile segment" in text
