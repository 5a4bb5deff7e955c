"""The texts of a form's inputs by name, and the grammar of those names.

A name is the place in the document plus marks for what only a form knows::

    task.strategy@kind            which member of a union is chosen
    task.strategy:fedprox.mu      a field of that member, kept while another member is chosen
    fleet.groups#                 which items a list has, in order: "0 2"
    fleet.groups.0.count          a field of an item, by its number
    network.links.0@key           the key of a mapping's entry
    fleet.groups.0.device@form    which of several shapes is chosen; its value stands at ...device~1
    network.backhaul@on           whether an optional part is given
"""

from typing import Any, Final

Raw = dict[str, str]
"""Input name to the text in it."""


class Unset:
    """The sort of :data:`UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""Nothing was typed: the field stays out of the tree and the engine's default holds."""

Value = Any
"""A plain value, or :data:`UNSET`."""


def numbers(raw: Raw, key: str) -> list[int] | None:
    """The item numbers of a list or mapping, in order; None if the form never had it."""
    text = raw.get(f"{key}#")
    return None if text is None else [int(word) for word in text.split() if word.isdigit()]


def set_numbers(raw: Raw, key: str, items: list[int]) -> None:
    """Store the item numbers of a list or mapping."""
    raw[f"{key}#"] = " ".join(str(number) for number in items)


def drop(raw: Raw, key: str) -> None:
    """Forget an item and everything below it."""
    for name in [name for name in raw if name == key or name.startswith(tuple(key + mark for mark in ".@:#~"))]:
        del raw[name]
