"""Kinds of metadata, one a file."""
