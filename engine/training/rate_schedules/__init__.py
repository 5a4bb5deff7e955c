"""One schedule of the learning rate per module."""
