"""Repairs that have one right answer: edits of an annotation, and of all annotations of a dataset."""
