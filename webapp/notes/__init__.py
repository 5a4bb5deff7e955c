"""Notes that members write on runs."""
