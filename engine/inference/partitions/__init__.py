"""One partition of filters per module."""
