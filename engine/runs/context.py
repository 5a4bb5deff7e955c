"""The context of a run, for those who drive runs."""

from engine.specs.context import home_folder, make_context

__all__ = ["home_folder", "make_context"]
