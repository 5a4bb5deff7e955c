"""``docs``: the pages that are made from the registries, one per family."""

import argparse
from pathlib import Path

from engine.commands.output import DONE, FAILED, note, say
from engine.specs.pages import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs"
SUMMARY = "write the documents that are made from the registries: a page per family of kinds, and their index"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=FOLDER, help="folder for the pages; the repository's docs"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not up to date")


def execute(arguments: argparse.Namespace) -> int:
    """Write the pages that differ, and remove those of families that are gone."""
    folder = arguments.out
    wanted = {folder / name: text for name, text in pages().items()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    left_over = sorted(path for path in (folder / "families").glob("*.md") if path not in wanted)
    if arguments.check:
        for path in (*stale, *left_over):
            note(f"edgeloom: {path} is not up to date; run ./edgeloom docs")
        return FAILED if stale or left_over else DONE
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        say(f"wrote {path}")
    for path in left_over:
        path.unlink()
        say(f"removed {path}")
    return DONE
