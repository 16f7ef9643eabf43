"""The garbage collector rests in a block, and only there."""

from __future__ import annotations

import gc

import pytest

from edgetrain.core.system.workers import gc_paused


def test_the_collector_works_again_after_the_block_however_it_ends():
    states = []

    def fail():
        states.append(gc.isenabled())
        raise ValueError("out")

    with pytest.raises(ValueError, match="out"), gc_paused():
        fail()
    assert [*states, gc.isenabled()] == [False, True]


def test_a_collector_that_rested_before_rests_on():
    with gc_paused():
        with gc_paused():
            pass

        assert not gc.isenabled()
