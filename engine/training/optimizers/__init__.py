"""One local optimizer per module."""
