"""One client sampler per module."""
