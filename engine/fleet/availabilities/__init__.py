"""One kind of availability per file."""
