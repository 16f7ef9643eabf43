"""TFLite models: the file, its graph and metadata, the conversion to int8, and what runs it. Verb: quantize."""
