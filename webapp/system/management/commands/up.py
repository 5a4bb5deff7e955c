"""``./edgeloom up``: start the platform and keep it running."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.system.address import Address, refuse_unsafe
from webapp.system.errors import StartError, StoppedError
from webapp.system.folder import Folder, Hold
from webapp.system.startup import Plan, Startup

MOST_WORKERS = 64


class Command(BaseCommand):
    """Starts broker, web server, workers and clock, and prints a link to sign in."""

    help = "Start the platform on this machine and print the link to sign in. Ctrl-C stops it."
    requires_system_checks: list[str] = []  # the web server runs them; here they would only cost time

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--host", default=settings.EDGELOOM_HOST, help="address to listen on (default: this machine only)"
        )
        parser.add_argument(
            "--port", type=int, default=settings.EDGELOOM_PORT, help="port to listen on (default: 8000)"
        )
        parser.add_argument(
            "--workers",
            type=int,
            metavar="N",
            default=os.cpu_count() or 1,
            help="runs computed at once (default: one a core)",
        )
        parser.add_argument("--no-browser", action="store_true", help="do not open the sign-in page")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the platform until it is told to stop."""
        plan = self._plan(options)
        try:
            refuse_unsafe(plan.address)
            folder = Folder(Path(settings.EDGELOOM_HOME))
            with Hold(folder):
                plan.address.check_free()
                Startup(folder, plan, self._say).run()
        except StoppedError:
            return
        except StartError as error:
            raise CommandError(str(error)) from error

    def _plan(self, options: dict[str, Any]) -> Plan:
        problems = []
        if not 1 <= options["port"] <= 65_535:
            problems.append(f"--port must be from 1 to 65535; given: {options['port']}")
        if not 1 <= options["workers"] <= MOST_WORKERS:
            problems.append(f"--workers must be from 1 to {MOST_WORKERS}; given: {options['workers']}")
        if problems:
            raise CommandError("\n".join(problems), returncode=2)
        has_display = (
            any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")) or os.uname().sysname == "Darwin"
        )
        address = Address(options["host"], options["port"])
        return Plan(address, options["workers"], opens_browser=has_display and not options["no_browser"])

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
