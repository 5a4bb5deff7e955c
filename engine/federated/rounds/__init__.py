"""A round from its opening to its close: cohort, sessions, updates, and the server's step."""
