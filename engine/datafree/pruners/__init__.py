"""The ways to take channels out of a trained network, one a file."""
