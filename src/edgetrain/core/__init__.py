"""The words of the domain as values: boxes, annotations, label map, splits, settings, paths. Standard library only."""
