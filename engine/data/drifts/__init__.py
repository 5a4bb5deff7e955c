"""The drifts, one module each."""
