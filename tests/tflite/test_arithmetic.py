"""How many multiply-adds an operator takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetrain.tflite.arithmetic import multiply_adds, size_of
from edgetrain.tflite.file import parse_tflite
from tests.support.tflite_models import TensorSpec, chain, content_of


@pytest.mark.parametrize(
    ("name", "before", "weights", "after", "count"),
    [
        pytest.param("CONV_2D", (1, 8, 8, 3), (4, 3, 3, 3), (1, 8, 8, 4), 8 * 8 * 4 * 27, id="convolution"),
        pytest.param("DEPTHWISE_CONV_2D", (1, 8, 8, 4), (1, 3, 3, 4), (1, 8, 8, 4), 8 * 8 * 4 * 9, id="depthwise"),
        pytest.param("FULLY_CONNECTED", (1, 10), (5, 10), (1, 5), 50, id="dense"),
        pytest.param("BATCH_MATMUL", (1, 6, 7), (1, 7, 5), (1, 6, 5), 210, id="matrices"),
        pytest.param("ADD", (1, 8), (1, 8), (1, 8), 0, id="element-wise"),
    ],
)
def test_the_count_follows_from_the_shapes(name, before, weights, after, count):
    spec = chain(name, shapes=(before, after))
    spec = replace(spec, tensors=(*spec.tensors, TensorSpec("w", weights))).with_operator(0, inputs=("t0", "w"))
    graph = parse_tflite(content_of(spec), "m").subgraphs[0]

    assert multiply_adds(graph.operators[0], graph) == count


def test_a_transposed_convolution_counts_each_value_of_its_picture():
    spec = chain("TRANSPOSE_CONV", shapes=((1, 4, 4, 8), (1, 8, 8, 3)))
    more = (TensorSpec("size", (4,), "INT32", ()), TensorSpec("w", (3, 2, 2, 8)))
    spec = replace(spec, tensors=(*spec.tensors, *more)).with_operator(0, inputs=("size", "w", "t0"))
    graph = parse_tflite(content_of(spec), "m").subgraphs[0]

    assert multiply_adds(graph.operators[0], graph) == 4 * 4 * 8 * 3 * 2 * 2


def test_an_operator_without_its_weights_counts_nothing():
    graph = parse_tflite(content_of(chain("CONV_2D")), "m").subgraphs[0]

    assert multiply_adds(graph.operators[0], graph) == 0


def test_sizes_that_no_machine_has_are_cut():
    assert size_of((2**31 - 1,) * 100_000) == 2**62
    assert size_of((1, -1, 3)) == 3
