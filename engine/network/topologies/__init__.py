"""One topology per file."""
