"""``./edgeloom restore FILE``: put a backup in the place of what the platform's folder holds."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.system.errors import StartError
from webapp.system.restoring import restore


class Command(BaseCommand):
    """Restores a backup."""

    help = "Restore a backup into the platform's folder; the platform must not run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="FILE", type=Path, help="a file that backup wrote")
        parser.add_argument("--force", action="store_true", help="move data that is there aside")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore it and say what happened."""
        try:
            aside = restore(options["file"].absolute(), force=options["force"])
        except StartError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored into {settings.EDGELOOM_HOME}. Start it: ./edgeloom up")
        if aside is not None:
            self.stdout.write(f"What was there before lies in {aside}; delete it once you do not need it.")
