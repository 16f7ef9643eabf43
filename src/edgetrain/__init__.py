"""Retrains SSD MobileNet detectors for the Coral Edge TPU from a folder of labelled images."""

__version__ = "0.1.0"
