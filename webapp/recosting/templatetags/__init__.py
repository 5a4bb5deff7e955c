"""Template tags of re-costing."""
