"""Comparing settings: the same seeds side by side, what may be claimed, and the same table on paper."""
