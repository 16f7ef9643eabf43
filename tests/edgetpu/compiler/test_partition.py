"""Which operators come together on the Edge TPU, and what goes to the CPU and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetrain.edgetpu.compiler.partition import TO_CPU, TO_EDGE_TPU, crossings, first_part
from edgetrain.tflite.file import parse_tflite
from tests.support.tflite_models import ModelSpec, OperatorSpec, TensorSpec, chain, content_of


def graph_of(spec):
    return parse_tflite(content_of(spec), "m").subgraphs[0]


@pytest.mark.parametrize(
    ("supported", "part"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("yyy", (0, 1, 2), id="all"),
        pytest.param("nyy", (1, 2), id="the CPU begins"),
        pytest.param("nny", (2,), id="two operators of the CPU begin"),
        pytest.param("yny", (0,), id="what follows the CPU stays there"),
        pytest.param("nyny", (1,), id="the second part is not taken"),
        pytest.param("nnn", (), id="none is supported"),
    ],
)
def test_one_part_is_taken_the_first(supported, part):
    graph = graph_of(chain(*["TANH"] * len(supported)))

    assert first_part(graph, [letter == "y" for letter in supported]) == frozenset(part)


def test_a_branch_beside_the_cpu_is_part_of_it():
    """The CPU takes t1 to t2; t1 to t3 needs nothing of it."""
    spec = branched()

    assert first_part(graph_of(spec), [True, False, True, True]) == {0, 2}


def test_operators_that_wait_for_each_other_are_nowhere():
    spec = chain("TANH", "TANH").with_operator(0, inputs=("t2",))

    assert first_part(graph_of(spec), [True, True]) == frozenset()


def test_a_tensor_crosses_once_for_all_that_need_it():
    spec = branched()

    found = crossings(graph_of(spec), frozenset({0, 3}))

    assert [(one.direction, one.tensor, one.operator, one.size_bytes) for one in found] == [
        (TO_CPU, "t1", 1, 256),
        (TO_EDGE_TPU, "t2", 3, 256),
        (TO_EDGE_TPU, "t3", 3, 256),
    ]


def branched():
    """Return a graph: t0 to t1; t1 to t2 and to t3; both to t4."""
    spec = chain("TANH", "TANH", "TANH")
    operators = (
        *spec.operators[:2],
        OperatorSpec("TANH", ("t1",), ("t3",)),
        OperatorSpec("ADD", ("t2", "t3"), ("t4",)),
    )
    tensors = (*spec.tensors, TensorSpec("t4", (1, 8, 8, 4)))
    return replace(ModelSpec(tensors, operators, ("t0",), ("t4",)))
