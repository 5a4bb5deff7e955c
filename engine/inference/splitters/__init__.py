"""One splitter per module."""
