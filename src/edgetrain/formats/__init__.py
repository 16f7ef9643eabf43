"""Text or bytes to core values and back: one file per format, each the only door to the library that reads it."""
