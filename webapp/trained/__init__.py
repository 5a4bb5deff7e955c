"""Trained models of a team: what its runs left, and weights that people uploaded; each can be a teacher."""
