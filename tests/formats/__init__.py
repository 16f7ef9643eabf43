"""Tests of edgetrain.formats, file for file."""
