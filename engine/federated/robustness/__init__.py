"""Where attacks take hold, and what rules share that withstand them."""
