"""One federated strategy per module."""
