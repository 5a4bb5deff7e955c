"""Names of catalogue entries as people know them."""

from collections.abc import Mapping

from engine.core.figure import Figure
from engine.specs.families import CATALOGUES


def catalogue_names() -> Mapping[str, Mapping[str, str]]:
    """The name of each entry of each catalogue by its id."""
    return {family: {key: str(entry.name) for key, entry in read().items()} for family, read in CATALOGUES.items()}


def recalled_count(family: str, key: str) -> str:
    """How many figures of a catalogue's entry are recalled, in words; empty where none is."""
    entry = CATALOGUES[family]()[key]
    figures = [value for name in type(entry).model_fields if isinstance(value := getattr(entry, name), Figure)]
    recalled = sum(figure.provenance == "recalled" for figure in figures)
    return f"{recalled} of {len(figures)} figures recalled" if recalled else ""
