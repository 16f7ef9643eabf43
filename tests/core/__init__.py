"""Tests of edgetrain.core, file for file."""
