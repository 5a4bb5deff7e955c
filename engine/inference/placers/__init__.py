"""One placer per module."""
