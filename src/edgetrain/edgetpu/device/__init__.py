"""The Edge TPU itself: how it is found, locked and opened, the trial on it, and what the trial must show."""
