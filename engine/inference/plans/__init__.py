"""Plans: what a placement costs, how the best is sought, and what stands beside it."""
