"""What tests share; programs of it run by themselves, too."""

import edgetrain  # noqa: F401 - before TensorFlow, for helpers that are programs (edgetrain/tensorflow_setup.py)
