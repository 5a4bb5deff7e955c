"""How a network names a link: by its id in the catalogue, or by writing out one of its own."""

from typing import Annotated

from engine.core.catalogue_file import Reference
from engine.network.catalogue import links
from engine.network.link import Link

LinkChoice = Annotated[str | Link, Reference("link", Link, links)]
"""A link of the catalogue by its id, or one of your own."""


def link_of(choice: str | Link) -> Link:
    """The link that is meant."""
    return links()[choice] if isinstance(choice, str) else choice
