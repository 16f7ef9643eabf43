"""Rewrites of TFLite files that newer converters made, so that edgetpu_compiler 16.0 takes them; each one is proven."""
