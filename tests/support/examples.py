"""Serialised examples, whole: what training reads from a record."""

from __future__ import annotations

from edgetrain.records.example import encoded_parts


def encode_example(example):
    """Return the serialised ``tf.train.Example``."""
    return b"".join(encoded_parts(example))
