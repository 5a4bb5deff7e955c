"""Names of catalogue entries as people know them."""

from collections.abc import Mapping

from engine.specs.families import CATALOGUES


def catalogue_names() -> Mapping[str, Mapping[str, str]]:
    """The name of each entry of each catalogue by its id."""
    return {family: {key: str(entry.name) for key, entry in read().items()} for family, read in CATALOGUES.items()}
