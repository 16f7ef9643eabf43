"""The stages in order, what each depends on, what is up to date, and what a terminal shows of a run."""
