"""The base of everything that can be chosen."""

import inspect

from engine.core.component import Component


class Cup(Component):
    """A vessel."""

    size: int = 1
    """How much fits."""


def test_help_is_the_string_under_the_field() -> None:
    assert Cup.model_fields["size"].description == "How much fits."


def test_the_file_of_a_component_is_known_without_a_search() -> None:
    assert inspect.modulesbyfile[__file__] == __name__
