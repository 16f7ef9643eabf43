"""TFRecords, written and read back without TensorFlow. Verbs: write (task records), verify (records --verify)."""
