"""The garbage collector rests in a block, and only there."""

from __future__ import annotations

import gc

import pytest

from edgetrain.core.system.workers import collector_at_rest


def test_the_collector_works_again_after_the_block_however_it_ends():
    states = []

    def fail():
        states.append(gc.isenabled())
        raise ValueError("out")

    with pytest.raises(ValueError, match="out"), collector_at_rest():
        fail()
    assert [*states, gc.isenabled()] == [False, True]


def test_a_collector_that_rested_before_rests_on():
    with collector_at_rest():
        with collector_at_rest():
            pass

        assert not gc.isenabled()
