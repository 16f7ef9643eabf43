"""Tests of edgetrain.stages, file for file."""
