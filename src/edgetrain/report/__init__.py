"""The page of all results: charts, sections, remarks. Verb: page (task report)."""
