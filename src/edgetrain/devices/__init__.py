"""What can run a TFLite detector: for now the CPU."""
