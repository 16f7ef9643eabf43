"""Figures of a dataset as the network sees it: counts, box sizes, and the anchors that fit. Verb: stats."""
