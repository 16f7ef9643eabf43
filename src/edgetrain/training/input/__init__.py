"""Batches: which pictures in which order, augmented the same way for the same seed and step."""
