"""``list``: the members of a family, one a line."""

import argparse
from dataclasses import asdict
from difflib import get_close_matches

from engine.commands.output import BAD_INPUT, DONE, note, say, write_json
from engine.commands.spec_file import add_json
from engine.core.json import plain
from engine.specs.describe import as_json, describe
from engine.specs.families import CATALOGUES, FAMILIES, names_of
from engine.specs.presets import PRESETS, presets

SUMMARY = "list the members of a family (strategies, models, devices, ...), or the families"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "family", metavar="FAMILY", nargs="?", help="name of a family; left out, the families are listed"
    )
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the names, or as JSON the descriptions."""
    known = [*FAMILIES, *CATALOGUES, PRESETS]
    family = arguments.family
    if family is not None and family not in known:
        close = get_close_matches(family, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        note(f"edgeloom: there is no family {family!r}; {hint}allowed: {', '.join(known)}")
        return BAD_INPUT
    if arguments.json:
        write_json(known if family is None else _described(family), arguments.json)
    if arguments.json != "-":
        for name in known if family is None else presets() if family == PRESETS else names_of(family):
            say(name)
    return DONE


def _described(family: str) -> object:
    if family in FAMILIES:
        return [as_json(describe(member)) for member in FAMILIES[family].members().values()]
    if family == PRESETS:
        return [asdict(preset) for preset in presets().values()]
    return [{"id": name, **plain_dump(entry)} for name, entry in CATALOGUES[family]().items()]


def plain_dump(entry: object) -> dict[str, object]:
    """A catalogue entry as a JSON tree."""
    tree = plain(entry.model_dump(mode="json"))  # type: ignore[attr-defined]
    assert isinstance(tree, dict)
    return dict(tree)
