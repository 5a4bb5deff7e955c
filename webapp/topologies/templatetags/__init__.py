"""Template tags of live networks."""
