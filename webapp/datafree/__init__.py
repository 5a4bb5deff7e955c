"""Pages of data-free compression: what a run made, how it compares, and what of it fits where."""
