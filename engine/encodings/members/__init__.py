"""The encodings, one a module."""
