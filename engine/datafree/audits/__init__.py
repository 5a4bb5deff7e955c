"""Whether members of the private set can be told from others."""
