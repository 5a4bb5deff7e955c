"""Encodings of messages: named arrays to bytes and back."""
