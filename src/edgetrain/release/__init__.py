"""Models that leave the project. Verbs: bundle, promote."""
