"""One attack per module."""
