"""Schema of uploads."""
