"""The training loop and the only door to the Object Detection API."""
