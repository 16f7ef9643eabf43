"""Training shared by several processes or several GPUs."""
