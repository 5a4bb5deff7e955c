"""Read-only links to one experiment, for people without an account."""
