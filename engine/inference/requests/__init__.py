"""Requests: when they come, which way they take, and where they wait."""
