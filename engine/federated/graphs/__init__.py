"""One graph of devices per module."""
