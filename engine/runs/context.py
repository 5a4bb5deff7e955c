"""The context of a run, for those who drive runs."""

from engine.specs.context import make_context

__all__ = ["make_context"]
