"""COCO figures of a model on labelled pictures. Verb: evaluate."""
