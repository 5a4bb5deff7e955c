"""The transports, one a module."""
