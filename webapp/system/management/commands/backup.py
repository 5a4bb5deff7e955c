"""``./edgeloom backup FILE``: copy everything that cannot be made again into one file, also while the platform runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.system.backup import back_up
from webapp.system.errors import StartError


class Command(BaseCommand):
    """Writes a backup."""

    help = "Copy database, secret key, artifacts, uploads and checkpoints into one file, also while the platform runs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="FILE", type=Path, help="the file to write, such as edgeloom.tar")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it and say how much it holds."""
        target = options["file"].absolute()
        try:
            done = back_up(target)
        except StartError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{target} holds {done.num_files} files, {done.num_bytes / 1e6:.1f} MB, and the secret key.")
        self.stdout.write("Keep it where only you can read it.")
