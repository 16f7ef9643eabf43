"""The review of a dataset: every fault with file and line, and its repair. Verbs: validate, fix."""
