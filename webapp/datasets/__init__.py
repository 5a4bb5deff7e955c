"""Data sets that people can learn from: the built-in ones, and those that a team has uploaded."""
