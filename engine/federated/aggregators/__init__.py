"""One aggregator per module."""
