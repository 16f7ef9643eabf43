"""Runs held against each other: data, settings, figures with intervals, pictures."""
