"""Devices that have each a model of their own, without a server."""
