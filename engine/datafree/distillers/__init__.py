"""The ways a student learns from a teacher, one a file."""
