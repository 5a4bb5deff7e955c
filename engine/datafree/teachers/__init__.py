"""One way to come by a teacher per module."""
