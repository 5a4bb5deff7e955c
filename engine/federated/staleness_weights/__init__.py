"""One weight by staleness per module."""
