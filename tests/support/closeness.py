"""Comparison of floating-point figures that another processor computes a little differently."""

from __future__ import annotations

import numpy as np


def assert_close(actual, expected, share):
    """Hold two arrays against each other: no difference above a share of the largest expected value.

    Sums of thousands of terms come out differently from one processor to the next, relative to the terms, not to the
    sum, which may be near zero.
    """
    np.testing.assert_allclose(actual, expected, rtol=0, atol=share * float(np.abs(expected).max()))
