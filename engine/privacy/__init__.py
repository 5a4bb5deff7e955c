"""Differential privacy with its accountant, and sums that hide their terms from the server."""
