"""What a model takes on the devices of a fleet."""
