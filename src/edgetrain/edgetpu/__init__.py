"""Models on the Edge TPU. Verbs: preflight, preflight_untrained, preflight_file, compile, hardware."""
