"""Findings for people and programs: text, JSON, GitHub annotations, SARIF, and the summary of a pull request."""
