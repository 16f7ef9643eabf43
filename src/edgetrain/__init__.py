"""Retrains SSD MobileNet detectors for the Coral Edge TPU from a folder of labelled images."""

from edgetrain.tensorflow_setup import prepare

__version__ = "0.2.0"

# The one import that does something: whatever room comes next may import TensorFlow, and this has to be done before.
prepare()
