"""One benchmark per claim: each prints a table and writes JSON."""
