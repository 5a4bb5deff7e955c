"""One scheduler per module."""
