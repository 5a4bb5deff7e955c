"""Mechanisms of differential privacy, one a file."""
