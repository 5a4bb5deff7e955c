"""``manage.py assets``: fetch the browser libraries of package-lock.json."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.system import assets


class Command(BaseCommand):
    """Puts the locked browser libraries where the pages load them from; does nothing if they are there."""

    help = "Fetch the browser libraries (uPlot) of package-lock.json."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch them unless they are current."""
        if assets.are_current():
            return
        problem = assets.install()
        if problem:
            raise CommandError(f"The browser libraries could not be fetched: {problem}")
