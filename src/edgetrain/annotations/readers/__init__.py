"""Formats that are read and not written: trees of Pascal VOC, VIA, Label Studio."""
