"""Clients that come and go by themselves, without rounds."""
