"""One coordination per module."""
